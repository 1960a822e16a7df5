package main

import "syscall"

// fileSystem names the kind of file system of an existing path where that
// matters here: tmpfs, ramfs, overlay, nfs, "disk" for any other, "" if unknown.
func fileSystem(path string) string {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return ""
	}
	// The magic numbers of linux/magic.h; the field's width differs by machine.
	switch uint32(stat.Type) {
	case 0x01021994:
		return "tmpfs"
	case 0x858458f6:
		return "ramfs"
	case 0x794c7630:
		return "overlay"
	case 0x6969:
		return "nfs"
	}
	return "disk"
}

// freeBytes returns how much an ordinary user may still write below path.
func freeBytes(path string) (free uint64, known bool) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(path, &stat); err != nil {
		return 0, false
	}
	return stat.Bavail * uint64(stat.Bsize), true
}
