# stream-format: its part of the build
