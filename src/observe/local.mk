# src/observe: sources, library and unit tests.
