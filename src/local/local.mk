# src/local: sources, library and unit tests.
