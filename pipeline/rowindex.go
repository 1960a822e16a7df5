package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"slices"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

// rowIndex finds rows by the hash of a Gsid or a name. It has 12 bytes a row,
// in parts by the first bits of the hash: what has to be laid anew for want of
// room, or sorted, is a part at a time.
type rowIndex struct {
	parts []indexPart
	rows  int
}

// indexPart has the hash and the number of each of its rows.
type indexPart struct {
	hashes []uint64
	seqs   []uint32
}

const indexBits = 6

func partOf(hash uint64) int { return int(hash >> (64 - indexBits)) }

func (x *rowIndex) add(hash uint64, seq int64) {
	if x.parts == nil {
		x.parts = make([]indexPart, 1<<indexBits)
	}
	p := &x.parts[partOf(hash)]
	p.hashes, p.seqs = append(p.hashes, hash), append(p.seqs, uint32(seq))
	x.rows++
}

// sort makes the index ready for the other methods.
func (x *rowIndex) sort() {
	type entry struct {
		hash uint64
		seq  uint32
	}
	var entries []entry
	for _, p := range x.parts {
		entries = entries[:0]
		for i, hash := range p.hashes {
			entries = append(entries, entry{hash, p.seqs[i]})
		}
		slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.seq, b.seq)) })
		for i, e := range entries {
			p.hashes[i], p.seqs[i] = e.hash, e.seq
		}
	}
}

// find appends the rows of that hash to into.
func (x *rowIndex) find(into []int64, hash uint64) []int64 {
	if x.parts == nil {
		return into
	}
	p := &x.parts[partOf(hash)]
	at, _ := slices.BinarySearch(p.hashes, hash)
	for ; at < len(p.hashes) && p.hashes[at] == hash; at++ {
		into = append(into, int64(p.seqs[at]))
	}
	return into
}

// all yields every row, those of one hash together.
func (x *rowIndex) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for _, p := range x.parts {
			for _, seq := range p.seqs {
				if !yield(int64(seq)) {
					return
				}
			}
		}
	}
}

// groups yields the rows of each hash, in memory that it uses again.
func (x *rowIndex) groups() iter.Seq[[]int64] {
	return func(yield func([]int64) bool) {
		var group []int64
		for _, p := range x.parts {
			for from := 0; from < len(p.hashes); from += len(group) {
				group = group[:0]
				for i := from; i < len(p.hashes) && p.hashes[i] == p.hashes[from]; i++ {
					group = append(group, int64(p.seqs[i]))
				}
				if !yield(group) {
					return
				}
			}
		}
	}
}

// distinct is how many hashes there are.
func (x *rowIndex) distinct() (n int) {
	for range x.groups() {
		n++
	}
	return n
}

// hashOf is a strong hash: of names with one hash only the first is asked for,
// so nobody may be able to write rows whose names have the same.
func hashOf(text []byte) uint64 {
	sum := sha256.Sum256(text)
	return binary.LittleEndian.Uint64(sum[:])
}

func gsidHash(gsid string) uint64 {
	var room [64]byte
	return hashOf(append(append(room[:0], 'g'), gsid...))
}

func keyHash(lead string) uint64 {
	var room [128]byte
	return hashOf(validate.AppendFold(append(room[:0], 'k'), lead))
}

// of are the rows that the goals may be of, and the goals by Gsid.
func (x *rowIndex) of(goals []gainsight.Goal) (seqs []int64, byGsid map[string]*gainsight.Goal) {
	byGsid = map[string]*gainsight.Goal{}
	for i := range goals {
		seqs = x.find(seqs, gsidHash(goals[i].Gsid))
		byGsid[goals[i].Gsid] = &goals[i]
	}
	return seqs, byGsid
}
