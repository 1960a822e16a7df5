package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"runtime"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

// rowIndex finds rows by the hash of a Gsid or a name. It has 12 bytes a row,
// in parts by the first bits of the hash, which are sorted side by side, and in
// pages, which never have to be laid anew for want of room.
type rowIndex struct {
	parts []indexPart
	rows  int
}

// indexPart has the hash and the number of each of its rows.
type indexPart struct {
	pages []*indexPage
	rows  int
}

type indexPage [1 << indexPageBits]indexEntry

const (
	indexBits     = 6
	indexPageBits = 8
)

// indexEntry has its hash in halves, lest there be a gap of four bytes.
type indexEntry struct{ high, low, seq uint32 }

func (e *indexEntry) hash() uint64 { return uint64(e.high)<<32 | uint64(e.low) }

func (p *indexPart) at(i int) *indexEntry {
	return &p.pages[i>>indexPageBits][i&(1<<indexPageBits-1)]
}

func partOf(hash uint64) int { return int(hash >> (64 - indexBits)) }

func (x *rowIndex) add(hash uint64, seq int64) {
	if x.parts == nil {
		x.parts = make([]indexPart, 1<<indexBits)
	}
	p := &x.parts[partOf(hash)]
	if p.rows == len(p.pages)<<indexPageBits {
		p.pages = append(p.pages, new(indexPage))
	}
	*p.at(p.rows) = indexEntry{uint32(hash >> 32), uint32(hash), uint32(seq)}
	p.rows++
	x.rows++
}

// sort makes the index ready for the other methods.
func (x *rowIndex) sort() {
	var g errgroup.Group
	each := runtime.GOMAXPROCS(0)
	for first := range each {
		g.Go(func() error {
			var entries []indexEntry
			for i := first; i < len(x.parts); i += each {
				entries = x.parts[i].sort(entries[:0])
			}
			return nil
		})
	}
	_ = g.Wait() // none fails
}

// sort sorts a part; entries are scratch.
func (p *indexPart) sort(entries []indexEntry) []indexEntry {
	for i := range p.rows {
		entries = append(entries, *p.at(i))
	}
	slices.SortFunc(entries, func(a, b indexEntry) int { return cmp.Or(cmp.Compare(a.hash(), b.hash()), cmp.Compare(a.seq, b.seq)) })
	for i := range entries {
		*p.at(i) = entries[i]
	}
	return entries
}

// find appends the rows of that hash to into.
func (x *rowIndex) find(into []int64, hash uint64) []int64 {
	if x.parts == nil {
		return into
	}
	p := &x.parts[partOf(hash)]
	for i := sort.Search(p.rows, func(i int) bool { return p.at(i).hash() >= hash }); i < p.rows && p.at(i).hash() == hash; i++ {
		into = append(into, int64(p.at(i).seq))
	}
	return into
}

// all yields every row, those of one hash together.
func (x *rowIndex) all() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i := range x.parts {
			p := &x.parts[i]
			for n := range p.rows {
				if !yield(int64(p.at(n).seq)) {
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
		for i := range x.parts {
			p := &x.parts[i]
			for from := 0; from < p.rows; from += len(group) {
				group = group[:0]
				for n := from; n < p.rows && p.at(n).hash() == p.at(from).hash(); n++ {
					group = append(group, int64(p.at(n).seq))
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
