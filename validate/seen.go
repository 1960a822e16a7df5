package validate

import "math/bits"

// lineTable remembers the first line of each of many hashes, in at most 24
// bytes a hash: open addressing, between half and four fifths full.
type lineTable struct {
	hashes []uint64 // 0 is a free place
	lines  []uint32
	used   int
	// fetched is of no use but to fetch.
	fetched uint64
}

// put notes line for hash if it is new, else it returns the line noted before.
func (t *lineTable) put(hash uint64, line uint32) (first uint32, dup bool) {
	if 5*(t.used+1) > 4*len(t.hashes) {
		t.grow()
	}
	if hash == 0 {
		hash = 1
	}
	i := t.find(hash)
	if t.hashes[i] == hash {
		return t.lines[i], true
	}
	t.hashes[i], t.lines[i] = hash, line
	t.used++
	return 0, false
}

// fetch brings the places of the rows' hashes into the cache. Its loads do not
// wait for each other, as those of put do.
func (t *lineTable) fetch(rows []Scouted) {
	if len(t.hashes) == 0 {
		return
	}
	sum := uint64(0)
	for i := range rows {
		sum += t.hashes[t.place(rows[i].hash)]
	}
	t.fetched = sum // or the compiler leaves the loads out
}

// place is where the search for hash begins.
func (t *lineTable) place(hash uint64) int {
	high, _ := bits.Mul64(hash*0x9e3779b97f4a7c15, uint64(len(t.hashes)))
	return int(high)
}

// find returns the place of hash, or the free place where it belongs.
func (t *lineTable) find(hash uint64) int {
	i := t.place(hash)
	for t.hashes[i] != 0 && t.hashes[i] != hash {
		if i++; i == len(t.hashes) {
			i = 0
		}
	}
	return i
}

// grow makes room for half as many again: doubling would cost up to 30 bytes a hash.
func (t *lineTable) grow() {
	old := *t
	size := max(64, len(old.hashes)+len(old.hashes)/2)
	t.hashes, t.lines = make([]uint64, size), make([]uint32, size)
	for i, h := range old.hashes {
		if h != 0 {
			j := t.find(h)
			t.hashes[j], t.lines[j] = h, old.lines[i]
		}
	}
}
