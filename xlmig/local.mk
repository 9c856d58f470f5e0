# xlmig: its part of the build
