# src/broker: sources, library and unit tests.
