# src/control: sources, library and unit tests.
