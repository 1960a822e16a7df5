package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// stateFolder is where runs, quota and the embedded tenant are kept.
type stateFolder struct {
	path  string
	from  string // which setting or convention named it
	named bool   // by the user, so that any file system will do
}

// stateDir says where the state folder is, without touching it: --state and
// its relatives, systemd's STATE_DIRECTORY, the XDG state folder.
func (app *App) stateDir() (stateFolder, error) {
	if dir := app.general.state; dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return stateFolder{}, failf(exitNoWrite, "name it in full", "state folder %s: %w", dir, err)
		}
		return stateFolder{abs, app.settings.place("state"), true}, nil
	}
	// systemd separates several folders by a colon; the first is ours.
	if dir, _, _ := strings.Cut(app.getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return stateFolder{dir, "STATE_DIRECTORY", true}, nil
	}
	if dir := app.getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return stateFolder{filepath.Join(dir, "gsbatch"), "XDG_STATE_HOME", false}, nil
	}
	if runtime.GOOS == "windows" {
		if dir := app.getenv("LocalAppData"); filepath.IsAbs(dir) {
			return stateFolder{filepath.Join(dir, "gsbatch"), "LocalAppData", false}, nil
		}
	}
	if home := app.getenv("HOME"); filepath.IsAbs(home) {
		return stateFolder{filepath.Join(home, ".local", "state", "gsbatch"), "home folder", false}, nil
	}
	return stateFolder{}, usagef("name it with --state or GSBATCH_STATE", "no place for the state folder: HOME is not set")
}

// openState returns the path of the state folder, made if need be (0700) and
// tried. Where nobody watches, a folder that vanishes with its container is
// refused unless it was named.
func (app *App) openState() (string, error) {
	dir, err := app.stateDir()
	if err != nil {
		return "", err
	}
	if !dir.named && !app.inTTY && !app.errTTY {
		if kind := fileSystem(existing(dir.path)); volatile(kind) {
			return "", usagef("mount a volume and name it with --state or GSBATCH_STATE, or name this folder to use it all the same",
				"state folder %s: it is on %s and may vanish with its container, and with it what was sent", dir.path, kind)
		}
	}
	if err := os.MkdirAll(dir.path, 0o700); err != nil {
		return "", failf(exitNoWrite, "name another with --state", "state folder: %w", err)
	}
	if err := private(dir); err != nil {
		return "", failf(exitNoWrite, "name another with --state", "state folder: %w", err)
	}
	if err := tryWrite(dir.path); err != nil {
		return "", failf(exitNoWrite, "make it writable, or name another with --state", "state folder: %w", err)
	}
	return dir.path, nil
}

// private takes from others what they may do in a folder that is ours by
// convention. The mode of one that the user named is the user's.
func private(dir stateFolder) error {
	info, err := os.Stat(dir.path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is a file", dir.path)
	}
	if ours := !dir.named || dir.from == "STATE_DIRECTORY"; ours && info.Mode().Perm()&0o077 != 0 && ownedByUs(info) {
		return os.Chmod(dir.path, 0o700)
	}
	return nil
}

// tryWrite makes sure that a file can be made, filled and synced in dir.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4096))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// existing returns the nearest folder at or above path that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}

// volatile says whether a kind of file system loses its files with its container or host.
func volatile(kind string) bool { return kind == "tmpfs" || kind == "ramfs" || kind == "overlay" }
