"""Jacobians and Hessians: layout, and how they are computed."""
