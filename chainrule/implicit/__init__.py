"""Derivatives of solutions: of equations, by the implicit function theorem; and Newton's method."""
