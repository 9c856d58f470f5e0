# stream-format: its part of the build
EXTRA_DIST += \
	stream-format/bytes.h \
	stream-format/libxc-image.h \
	stream-format/libxl-stream.h
