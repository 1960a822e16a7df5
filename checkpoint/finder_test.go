package checkpoint

import (
	"fmt"
	"testing"
)

func TestFinder(t *testing.T) {
	for _, n := range []int{1, 255, 256, 257, 1000} {
		folder, err := Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		run := planRun(t, folder, "a", n, func(int64) Op { return Op{} }) // lines 2 to n+1
		finder, err := run.Finder(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []int{n + 1, 2, n/2 + 2, 257, 258, 0, 1, n + 2} {
			cells, err := finder.Cells(t.Context(), line)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if line >= 2 && line <= n+1 {
				want = fmt.Sprint("goal ", line-1)
			}
			got := ""
			if cells != nil {
				got = cells[0].Text
			}
			if got != want {
				t.Errorf("%d rows, line %d: %q, want %q", n, line, got, want)
			}
		}
		closeRun(t, run)
	}
}
