# src/act: sources, library and unit tests.
