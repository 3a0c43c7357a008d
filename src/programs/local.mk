# src/programs: sources, library and unit tests.
