"""Recorded programs as native code, through LLVM and without a C compiler."""
