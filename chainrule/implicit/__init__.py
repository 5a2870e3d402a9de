"""Derivatives of solutions: of equations, by the implicit function theorem; and a solver that hands over its factors."""
