# src/decide: sources, library and unit tests.
