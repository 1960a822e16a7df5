package writers

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childEnv asks this test binary to write a file in the named folder and to
// stop in the middle.
const childEnv = "GSBATCH_TEST_CHILD"

func TestMain(m *testing.M) {
	if folder := os.Getenv(childEnv); folder != "" {
		child(folder)
	}
	os.Exit(m.Run())
}

// child writes until its input ends, which is when it is killed.
func child(folder string) {
	table, err := NewTable(filepath.Join(folder, "killed.xlsx"), Columns("a"), TableOptions{})
	if err != nil {
		panic(err)
	}
	f, err := Create(filepath.Join(folder, "killed.csv"), FileOptions{})
	if err != nil {
		panic(err)
	}
	for range 1000 {
		if err := table.Write([]string{strings.Repeat("x", 20_000)}); err != nil {
			panic(err)
		}
		if _, err := f.Write(bytes.Repeat([]byte("x"), 1000)); err != nil {
			panic(err)
		}
	}
	_, _ = os.Stdout.WriteString("ready\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestFileAppearsAtCommit(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "out", "run")
	path := filepath.Join(folder, "results.csv")
	f := create(t, path)
	write(t, f, "hello")
	if got := visible(t, folder); len(got) != 0 {
		t.Errorf("before Commit the folder shows %q", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	wantContent(t, path, "hello")
	if got := everything(t, folder); len(got) != 1 {
		t.Errorf("after Commit the folder holds %q", got)
	}
	wantMode(t, path, 0o600)
	wantMode(t, folder, 0o700)
	wantMode(t, filepath.Dir(folder), 0o700)
}

func TestFileReplacesAtCommitOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	f := create(t, path)
	write(t, f, strings.Repeat("new", bufferSize))
	wantContent(t, path, "old")
	f.Abort()
	f.Abort()
	wantContent(t, path, "old")
	if got := everything(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("after Abort the folder holds %q", got)
	}
	f = create(t, path)
	write(t, f, "new")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "new")
	wantMode(t, path, 0o600)
}

func TestFileAfterTheEnd(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "a"))
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); !errors.Is(err, errClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := f.Commit(); !errors.Is(err, errClosed) {
		t.Errorf("Commit: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	folder, other := t.TempDir(), t.TempDir()
	secret := filepath.Join(other, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": secret, "dangling": filepath.Join(other, "none"), "here": "plain", "away": other} {
		if err := os.Symlink(target, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(folder, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, root, want string
	}{
		{"link", "", "symbolic link"},
		{"dangling", "", "symbolic link"},
		{"here", "", "symbolic link"},
		{"folder", "", "not a file"},
		{"folder/", "", "names a folder"},
		{"", "", "names a folder"},
		{"..", "", "names a folder"},
		{"../a.csv", ".", "leaves the folder"},
		{"folder/../../a.csv", ".", "leaves the folder"},
		{filepath.Join(other, "a.csv"), ".", "leaves the folder"},
		{"away/a.csv", ".", "path escapes from parent"},
		{"away/new/a.csv", ".", "path escapes from parent"},
	} {
		t.Chdir(folder)
		f, err := Create(test.path, FileOptions{Root: test.root})
		if err == nil {
			f.Abort()
			t.Errorf("%q in %q: no error", test.path, test.root)
			continue
		}
		if e := (*Error)(nil); !errors.As(err, &e) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q in %q: %v, want *Error with %q", test.path, test.root, err, test.want)
		}
	}
	wantContent(t, secret, "secret")
	if got := everything(t, other); len(got) != 1 {
		t.Errorf("something was written outside: %q", got)
	}
	t.Log("promise S7: 12 of 12 links and paths out of the folder refused")
}

func TestCommitRefusesALinkThatCameLater(t *testing.T) {
	folder := t.TempDir()
	victim := filepath.Join(t.TempDir(), "victim")
	f := create(t, filepath.Join(folder, "a"))
	write(t, f, "x")
	if err := os.Symlink(victim, filepath.Join(folder, "a")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); !errors.Is(err, errSymlink) {
		t.Errorf("Commit: %v", err)
	}
	if _, err := os.Lstat(victim); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the link was followed: %v", err)
	}
	if got := everything(t, folder); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestCreateInRoot(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "out", "run", "a.csv")
	f, err := Create(path, FileOptions{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	write(t, f, "x")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "x")
}

func TestRemove(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "pending.csv")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Remove(path, FileOptions{Root: folder}); err != nil {
			t.Error(err)
		}
	}
	if err := Remove(filepath.Join(folder, "none", "a"), FileOptions{}); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("x", path); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path, FileOptions{}); !errors.Is(err, errSymlink) {
		t.Errorf("a link: %v", err)
	}
	if err := Remove(filepath.Join(folder, "..", "a"), FileOptions{Root: folder}); !errors.Is(err, errOutside) {
		t.Errorf("outside: %v", err)
	}
	if got := everything(t, folder); len(got) != 1 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestKilledProcess(t *testing.T) {
	folder := t.TempDir()
	killChild(t, folder)
	if got := visible(t, folder); len(got) != 0 {
		t.Errorf("a killed process left %q to be seen", got)
	}
	if got := everything(t, folder); len(got) != 3 {
		t.Errorf("a killed process left %q, want two temporary files and a scratch folder", got)
	}
	// A file in use, names that are nearly ours and a link must stay.
	f := create(t, filepath.Join(folder, "a"))
	keep := []string{".gsbatch-short.tmp", ".gsbatch-abcdefghijklmnop.tmp.bak", ".gsbatch-ABCDEFGHIJKLMNOP.tmp"}
	for _, name := range keep {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := ".gsbatch-abcdefghijklmnop.tmp"
	if err := os.Symlink("a", filepath.Join(folder, link)); err != nil {
		t.Fatal(err)
	}
	create(t, filepath.Join(folder, "b")).Abort()
	for _, name := range append(keep, link, f.temp) {
		if _, err := os.Lstat(filepath.Join(folder, name)); err != nil {
			t.Errorf("removed: %v", err)
		}
	}
	if got := everything(t, folder); len(got) != len(keep)+2 {
		t.Errorf("after the next Create the folder holds %q", got)
	}
	f.Abort()
}

func killChild(t *testing.T, folder string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+folder)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

func TestStaleByAgeWhereLocksAreUnknown(t *testing.T) {
	for _, test := range []struct {
		name string
		want bool
	}{
		{".gsbatch-abcdefghijklmno2.tmp", true},
		{".gsbatch-abcdefghijklmno1.tmp", false}, // 1 is not in the alphabet
		{".gsbatch-abcdefghijklmno.tmp", false},
		{"gsbatch-abcdefghijklmno2.tmp", false},
		{"results.csv", false},
	} {
		if got := isTemp(test.name); got != test.want {
			t.Errorf("isTemp(%q) = %v", test.name, got)
		}
	}
	if staleAge < 24*time.Hour {
		t.Errorf("a slow export of %v would lose its file", staleAge)
	}
}

func TestErrorText(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "write", Path: ".gsbatch-x.tmp", Err: syscall.ENOSPC},
			"a.csv: write: no space left on device; free some space there, or choose another folder"},
		{&fs.PathError{Op: "openat", Path: ".gsbatch-x.tmp", Err: syscall.EACCES},
			"a.csv: write: permission denied; choose a folder that you may write to"},
		{errors.New("odd"), "a.csv: write: odd"},
	} {
		err := newError("a.csv", "write", test.err)
		if err.Error() != test.want {
			t.Errorf("got  %s\nwant %s", err, test.want)
		}
		if again := newError("b", "commit", err); again.Error() != test.want {
			t.Errorf("wrapped twice: %s", again)
		}
	}
}

func create(t *testing.T, path string) *File {
	t.Helper()
	f, err := Create(path, FileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Abort)
	return f
}

func write(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s: got %.200q\nwant %.200q", filepath.Base(path), got, want)
	}
}

func wantMode(t *testing.T, path string, want fs.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want && runtime.GOOS != "windows" {
		t.Errorf("%s has mode %o, want %o", path, got, want)
	}
}

// visible returns the names in a folder that a user sees.
func visible(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	for _, name := range everything(t, folder) {
		if !strings.HasPrefix(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

func everything(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Prepared files appear by Commit alone, and their sums are those of their bytes.
func TestPreparedFilesAppearTogether(t *testing.T) {
	dir := t.TempDir()
	var tables []*Table
	for _, name := range []string{"a.csv", "b.xlsx", "c.jsonl.gz"} {
		table, err := NewTable(filepath.Join(dir, name), Columns("x"), TableOptions{FileOptions: FileOptions{Sum: true}})
		if err != nil {
			t.Fatal(err)
		}
		defer table.Abort()
		if err := errors.Join(table.Write([]string{"1"}), table.Prepare(), table.Prepare()); err != nil {
			t.Fatal(err)
		}
		if table.Write([]string{"2"}) == nil {
			t.Errorf("%s: a row after Prepare", name)
		}
		tables = append(tables, table)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "[abc]*")); err != nil || len(left) > 0 {
		t.Errorf("before Commit: %v, %v", left, err)
	}
	for i, table := range tables {
		sum, size := table.Sum()
		if err := table.Commit(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, []string{"a.csv", "b.xlsx", "c.jsonl.gz"}[i]))
		if want := sha256.Sum256(text); err != nil || !bytes.Equal(sum, want[:]) || size != int64(len(text)) {
			t.Errorf("table %d: %v, sum %x of %d bytes, want %x of %d", i, err, sum, size, want, len(text))
		}
	}
}
