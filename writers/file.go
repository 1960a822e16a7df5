package writers

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

const (
	tempPrefix = ".gsbatch-"
	tempSuffix = ".tmp"
	// scratchSuffix follows the name of a temporary file: a folder for what
	// its encoder puts aside.
	scratchSuffix = ".d"

	fileMode   = 0o600
	folderMode = 0o700
	bufferSize = 64 << 10
)

// The reasons why a target is refused.
var (
	errOutside = errors.New("the path leaves the folder that it must stay in")
	errSymlink = errors.New("there is a symbolic link of this name, and links are not followed")
	errSpecial = errors.New("there is something of this name that is not a file")
	errName    = errors.New("the path names a folder, not a file")
	errClosed  = errors.New("the file was committed or aborted already")
)

// FileOptions says where a File may lie.
type FileOptions struct {
	// Root is the folder that the path must not leave, symbolic links on the
	// way included; it may be one itself. "" stands for the folder of the path.
	Root string
	// Sum asks for the SHA-256 of the content.
	Sum bool
}

// File is a file that appears whole or not at all. It belongs to one goroutine.
type File struct {
	path   string   // as the caller gave it
	folder string   // absolute path of the target's folder
	dir    *os.Root // the same folder; nil after Commit and Abort
	name   string   // of the target in the folder
	temp   string   // of the temporary file in the folder; "" once renamed
	aside  string   // of the scratch folder in the folder; "" if there is none
	f      *os.File
	w      *bufio.Writer
	sum    hash.Hash // nil unless asked for
	size   int64
	ready  bool // prepared
}

// Create begins the file path with mode 0600. Folders that are missing are
// made with mode 0700. Temporary files that dead processes left in the folder
// are removed. It is an *Error if the path leaves o.Root, or if something other
// than a regular file has its name.
func Create(path string, o FileOptions) (*File, error) {
	p, err := placeOf(path, o.Root)
	if err != nil {
		return nil, newError(path, "create", err)
	}
	dir, err := p.makeFolder()
	if err != nil {
		return nil, newError(path, "create", err)
	}
	f := &File{path: path, folder: p.folder, dir: dir, name: filepath.Base(path)}
	if o.Sum {
		f.sum = sha256.New()
	}
	if err := f.open(); err != nil {
		_ = dir.Close()
		return nil, newError(path, "create", err)
	}
	return f, nil
}

func (f *File) open() error {
	if err := checkTarget(f.dir, f.name); err != nil {
		return err
	}
	if err := removeStale(f.dir, f.folder); err != nil {
		return err
	}
	if err := f.openTemp(); err != nil {
		return err
	}
	f.w = bufio.NewWriterSize(f.f, bufferSize)
	return nil
}

// openTemp creates and locks the temporary file. Between the two a process
// that cleans up may have taken it for a stale one, hence the second look.
func (f *File) openTemp() error {
	for {
		temp := tempPrefix + strings.ToLower(rand.Text()[:16]) + tempSuffix
		file, err := f.dir.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
		if err != nil {
			return err
		}
		if tryLock(file) != lockHeld && sameFile(f.dir, temp, file) {
			f.temp, f.f = temp, file
			return nil
		}
		_ = file.Close()
	}
}

// Write appends p to the file.
func (f *File) Write(p []byte) (int, error) {
	if f.dir == nil {
		return 0, newError(f.path, "write", errClosed)
	}
	if f.ready {
		return 0, newError(f.path, "write", errClosed)
	}
	if f.sum != nil {
		_, _ = f.sum.Write(p) // a hash's Write returns no error
	}
	n, err := f.w.Write(p)
	f.size += int64(n)
	if err != nil {
		err = newError(f.path, "write", err)
	}
	return n, err
}

// Sum is the SHA-256 of what was written, nil unless it was asked for, and its size in bytes.
func (f *File) Sum() (sha256 []byte, size int64) {
	if f.sum == nil {
		return nil, f.size
	}
	return f.sum.Sum(nil), f.size
}

// Prepare brings the content to the disk and sees that the target may be
// replaced; then only the name is left for Commit to give.
func (f *File) Prepare() error {
	if f.dir == nil {
		return newError(f.path, "commit", errClosed)
	}
	if f.ready {
		return nil
	}
	if err := f.w.Flush(); err != nil {
		return newError(f.path, "write", err)
	}
	if err := f.f.Sync(); err != nil {
		return newError(f.path, "sync", err)
	}
	if err := checkTarget(f.dir, f.name); err != nil {
		return newError(f.path, "rename", err)
	}
	f.ready = true
	return nil
}

// Commit brings the content to the disk and gives the file its name, in place
// of a file that had it before. After an error the target is as it was, unless
// only the last step failed, the sync of the folder: then the name may be lost
// with the machine's power, and the error says so.
func (f *File) Commit() error {
	if f.dir == nil {
		return newError(f.path, "commit", errClosed)
	}
	defer f.Abort()
	if err := f.Prepare(); err != nil {
		return err
	}
	if err := checkTarget(f.dir, f.name); err != nil { // again: Prepare may be long ago
		return newError(f.path, "rename", err)
	}
	if err := f.rename(); err != nil {
		return newError(f.path, "rename", err)
	}
	if err := syncFolder(f.dir); err != nil {
		return newError(f.path, "sync of its folder", err)
	}
	return nil
}

// rename moves the temporary file to the target. A system that cannot rename
// an open file must see it closed; elsewhere the lock is held to the end.
func (f *File) rename() error {
	if runtime.GOOS == "windows" {
		if err := f.f.Close(); err != nil {
			return err
		}
	}
	if err := f.dir.Rename(f.temp, f.name); err != nil {
		return err
	}
	f.temp = ""
	return nil
}

// Abort gives the file up and removes what was written. After Commit or Abort
// it does nothing, so that it can be deferred.
func (f *File) Abort() {
	if f.dir == nil {
		return
	}
	if f.aside != "" {
		_ = f.dir.RemoveAll(f.aside)
	}
	if f.temp != "" {
		_ = f.dir.Remove(f.temp)
	}
	_ = f.f.Close()
	_ = f.dir.Close()
	f.dir = nil
}

// scratch makes a private folder for what an encoder puts aside, and returns
// its path. Commit and Abort remove it; after a crash it is known by its name.
func (f *File) scratch() (string, error) {
	name := f.temp + scratchSuffix
	if err := f.dir.Mkdir(name, folderMode); err != nil {
		return "", newError(f.path, "create", err)
	}
	f.aside = name
	return filepath.Join(f.folder, name), nil
}

// Remove removes the file path, as an earlier run of the same name may have
// left one that this one does not write. That it is not there is no error; what
// Create refuses, Remove refuses too.
func Remove(path string, o FileOptions) error {
	p, err := placeOf(path, o.Root)
	if err != nil {
		return newError(path, "remove", err)
	}
	dir, err := p.openFolder()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return newError(path, "remove", err)
	}
	defer func() { _ = dir.Close() }()
	if err := checkTarget(dir, filepath.Base(path)); err != nil {
		return newError(path, "remove", err)
	}
	if err := dir.Remove(filepath.Base(path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return newError(path, "remove", err)
	}
	return nil
}

// checkTarget refuses whatever is neither absent nor a regular file.
func checkTarget(dir *os.Root, name string) error {
	info, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%w; remove it or choose another name", errSymlink)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w; choose another name", errSpecial)
	}
	return nil
}

// place is the folder of a path: folder is root joined with below.
type place struct{ folder, root, below string }

// placeOf makes the paths absolute, and refuses one that leaves root.
func placeOf(path, root string) (p place, err error) {
	base := filepath.Base(path)
	if path == "" || os.IsPathSeparator(path[len(path)-1]) || base == "." || base == ".." {
		return p, errName
	}
	if p.folder, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return p, err
	}
	if root == "" {
		root = p.folder
	}
	if p.root, err = filepath.Abs(root); err != nil {
		return p, err
	}
	p.below, err = filepath.Rel(p.root, p.folder)
	if err != nil || !filepath.IsLocal(p.below) {
		return p, errOutside
	}
	return p, nil
}

// makeFolder makes the folder if it is not there, and opens it.
func (p place) makeFolder() (*os.Root, error) {
	if err := os.MkdirAll(p.root, folderMode); err != nil {
		return nil, err
	}
	top, err := os.OpenRoot(p.root)
	if err != nil || p.below == "." {
		return top, err
	}
	defer func() { _ = top.Close() }()
	if err := top.MkdirAll(p.below, folderMode); err != nil {
		return nil, err
	}
	return top.OpenRoot(p.below)
}

// openFolder opens the folder, links on the way from root followed only inside.
func (p place) openFolder() (*os.Root, error) {
	top, err := os.OpenRoot(p.root)
	if err != nil || p.below == "." {
		return top, err
	}
	defer func() { _ = top.Close() }()
	return top.OpenRoot(p.below)
}

// syncFolder makes a rename durable. Systems that cannot sync a folder say so,
// and have nothing to be done about it.
func syncFolder(dir *os.Root) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := dir.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func sameFile(dir *os.Root, name string, f *os.File) bool {
	there, err := dir.Lstat(name)
	if err != nil {
		return false
	}
	here, err := f.Stat()
	return err == nil && os.SameFile(there, here)
}
