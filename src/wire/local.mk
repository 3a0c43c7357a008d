# src/wire: sources, library and unit tests.
