# libxcsave: its part of the build
