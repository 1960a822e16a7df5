package writers

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// fullEnv asks this test binary to write with files limited to a few bytes, as
// on a disk that is full.
const fullEnv = "GSBATCH_TEST_FULL"

// TestFullDisk writes more than fits, in a process of its own, because the
// limit cannot be lifted again.
func TestFullDisk(t *testing.T) {
	if os.Getenv(fullEnv) != "" {
		writeTooMuch(t, os.Getenv(fullEnv))
		return
	}
	folder := t.TempDir()
	old := filepath.Join(folder, "old.csv")
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.count=1")
	cmd.Env = append(os.Environ(), fullEnv+"="+folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := everything(t, folder); len(got) != 1 {
		t.Errorf("the folder holds %q, want the old file alone", got)
	}
	wantContent(t, old, "old")
}

func writeTooMuch(t *testing.T, folder string) {
	limit := syscall.Rlimit{Cur: 100_000, Max: 100_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old.csv", "new.csv", "new.jsonl", "new.xlsx", "new.csv.gz"} {
		err := fillTable(filepath.Join(folder, name))
		if !errors.Is(err, syscall.EFBIG) {
			t.Errorf("%s: %v, want EFBIG", name, err)
		}
		if e := (*Error)(nil); !errors.As(err, &e) || e.Mend == "" {
			t.Errorf("%s: %v, want *Error with a mend", name, err)
		}
	}
}

// fillTable writes 6 MB that do not compress well: a few hundred kB in any format.
func fillTable(path string) error {
	table, err := NewTable(path, Columns("a", "b"), TableOptions{})
	if err != nil {
		return err
	}
	defer table.Abort()
	cells := make([]string, 2)
	x := uint64(1)
	for range 100_000 {
		for i := range cells {
			x = x*6364136223846793005 + 1442695040888963407
			cells[i] = strconv.FormatUint(x, 36)
		}
		if err := table.Write(cells); err != nil {
			return err
		}
	}
	return table.Commit()
}
