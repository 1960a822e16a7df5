package readers_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gsbatch/readers"
)

// mutations is how many a test makes; GSBATCH_MUTATIONS asks for others.
func mutations(t *testing.T) int {
	t.Helper()
	text := os.Getenv("GSBATCH_MUTATIONS")
	if text == "" {
		return 500
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func mutableRows() string {
	rows := header
	for i := 2; i < 30; i++ {
		rows += fmt.Sprintf(`<row r="%d" spans="1:2"><c r="A%d" t="s"><v>%d</v></c><c r="B%d" s="1"><f>A1+1</f><v>%d</v></c></row>`, i, i, i%3, i, 45000+i)
	}
	return rows
}

// mutate flips, drops, doubles or swaps bytes, or cuts the end off.
func mutate(rng *rand.Rand, b []byte) []byte {
	out := append([]byte(nil), b...)
	at := rng.IntN(len(out))
	switch rng.IntN(6) {
	case 0:
		return out[:at]
	case 1:
		out[at] ^= 1 << rng.IntN(8)
	case 2:
		out[at] = "<>/\"'&;=! ABrc0189"[rng.IntN(18)]
	case 3:
		n := min(len(out)-at, 1+rng.IntN(40))
		out = append(out[:at], out[at+n:]...)
	case 4:
		n := min(len(out)-at, 1+rng.IntN(40))
		out = append(out[:at+n], b[at:]...)
	default:
		other := rng.IntN(len(out))
		out[at], out[other] = out[other], out[at]
	}
	return out
}

// readCount reads all rows and hands back their number.
func readCount(path string, o readers.Options) (n int, err error) {
	table, err := readers.Open(context.Background(), path, o)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	for _, err := range table.Rows() {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// TestMutatedSheets breaks the XML of a sheet and packs it anew, so that its
// checksum is right: there must be an error, or no fewer rows than before.
func TestMutatedSheets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	p := parts(mutableRows())
	whole := []byte(p[sheet1])
	path := filepath.Join(t.TempDir(), "a.xlsx")
	quiet := 0
	n := mutations(t)
	for i := range n {
		broken := mutate(rng, whole)
		p[sheet1] = string(broken)
		if err := os.WriteFile(path, []byte(build(t, p)), 0o600); err != nil {
			t.Fatal(err)
		}
		wantBlocks(t, path, readers.Options{})
		rows, err := readCount(path, readers.Options{})
		if err == nil && rows < rowsIn(string(broken)) {
			t.Errorf("mutation %d: %d rows and no error\n%s", i, rows, broken)
		}
		if err == nil {
			quiet++
		}
	}
	t.Logf("promise R8: %d mutated sheets, 0 lost rows without an error (%d read whole)", n, quiet)
}

// rowsIn is the number of rows that a mutated sheet still has: a dropped run
// of bytes can take a whole row out and leave the XML and all numbers right.
func rowsIn(sheet string) int { return min(strings.Count(sheet, "</row>")-1, 28) }

// TestMutatedZips breaks the file itself.
func TestMutatedZips(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	whole := []byte(workbookOf(t, mutableRows()))
	path := filepath.Join(t.TempDir(), "a.xlsx")
	total := mutations(t)
	for i := range total {
		broken := mutate(rng, whole)
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if n, err := readCount(path, readers.Options{}); err == nil && n != 28 {
			t.Errorf("mutation %d: %d rows and no error", i, n)
		}
	}
	t.Logf("promise R8: %d mutated zip files, 0 lost rows without an error", total)
}
