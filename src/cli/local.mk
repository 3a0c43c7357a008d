# src/cli: sources, library and unit tests.
