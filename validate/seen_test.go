package validate

import (
	"math/rand/v2"
	"testing"
)

// bytesEach is the room of a table for each of its hashes.
func (t *lineTable) bytesEach() float64 {
	places := 0
	for i := range t.parts {
		places += len(t.parts[i].hashes)
	}
	return float64(12*places) / float64(t.used())
}

// A table finds the first line of every hash, and stays small.
func TestLineTable(t *testing.T) {
	const hashes = 200_000
	var table lineTable
	random := rand.New(rand.NewPCG(1, 2))
	for line := uint32(1); line <= hashes; line++ {
		if first, dup := table.put(random.Uint64(), line); dup {
			t.Fatalf("the hash of line %d is that of line %d", line, first)
		}
	}
	if each := table.bytesEach(); each > 17.1 {
		t.Errorf("%.1f bytes a hash", each)
	}
	random = rand.New(rand.NewPCG(1, 2))
	for line := uint32(1); line <= hashes; line++ {
		if first, dup := table.put(random.Uint64(), 0); !dup || first != line {
			t.Fatalf("line %d is found as %d, %t", line, first, dup)
		}
	}
	if table.used() != hashes {
		t.Errorf("%d hashes", table.used())
	}
}
