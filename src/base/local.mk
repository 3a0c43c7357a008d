# src/base: sources, library and unit tests.
