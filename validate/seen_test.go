package validate

import (
	"math/rand/v2"
	"testing"
)

// bytesEach is the room of a table for each of its hashes.
func (t *lineTable) bytesEach() float64 {
	places := 0
	for i := range t.parts {
		places += t.parts[i].size()
	}
	return float64(12*places) / float64(t.used())
}

// A table finds the first line of every hash, and stays small.
func TestLineTable(t *testing.T) {
	const hashes = 700_000
	var table lineTable
	random := rand.New(rand.NewPCG(1, 2))
	for line := uint32(1); line <= hashes; line++ {
		if first, dup := table.put(random.Uint64(), line); dup {
			t.Fatalf("the hash of line %d is that of line %d", line, first)
		}
	}
	if each := table.bytesEach(); each > 17.2 {
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
	n := 0
	for range table.all() {
		n++
	}
	if n != hashes {
		t.Errorf("%d hashes, %d given", hashes, n)
	}
}

// A table that expects its hashes has room for them, and is right also where
// there are more, or far fewer.
func TestLineTableExpects(t *testing.T) {
	for _, expected := range []int{0, 1000, 100_000, 110_000, 1_000_000} {
		var table lineTable
		random := rand.New(rand.NewPCG(3, 4))
		for line := uint32(1); line <= 100_000; line++ {
			if line == 5000 {
				table.expect(expected)
			}
			if first, dup := table.put(random.Uint64(), line); dup {
				t.Fatalf("%d expected: the hash of line %d is that of line %d", expected, line, first)
			}
		}
		random = rand.New(rand.NewPCG(3, 4))
		for line := uint32(1); line <= 100_000; line++ {
			if first, dup := table.put(random.Uint64(), 0); !dup || first != line {
				t.Fatalf("%d expected: line %d is found as %d, %t", expected, line, first, dup)
			}
		}
		if each := table.bytesEach(); expected == 100_000 && each > 18 {
			t.Errorf("%.1f bytes a hash", each)
		}
	}
}

// Hashes that all want the last places of a part are found as well, in
// whatever order they came.
func TestLineTableCrowd(t *testing.T) {
	const crowd, last = 500, 1<<(64-seenBits) - 1
	for name, hash := range map[string]func(i int) uint64{
		"rising":  func(i int) uint64 { return last - crowd + uint64(i) },
		"falling": func(i int) uint64 { return last - uint64(i) },
		"mixed":   func(i int) uint64 { return last - uint64(i*7%crowd) },
	} {
		var table lineTable
		for i := range crowd {
			if first, dup := table.put(hash(i), uint32(i)); dup {
				t.Fatalf("%s: hash %d is that of %d", name, i, first)
			}
			for j := range i + 1 {
				if first, dup := table.put(hash(j), 0); !dup || int(first) != j {
					t.Fatalf("%s: of %d, %d is found as %d, %t", name, i, j, first, dup)
				}
			}
		}
	}
}
