package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

// rowIndex finds rows by the hash of a Gsid or a name. It has 16 bytes a row.
type rowIndex []entry

type entry struct {
	hash uint64
	seq  int64
}

func (x *rowIndex) add(hash uint64, seq int64) { *x = append(*x, entry{hash, seq}) }

// sort makes the index ready for the other methods.
func (x rowIndex) sort() {
	slices.SortFunc(x, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.seq, b.seq)) })
}

// find appends the rows of that hash to into.
func (x rowIndex) find(into []int64, hash uint64) []int64 {
	at, _ := slices.BinarySearchFunc(x, hash, func(e entry, h uint64) int { return cmp.Compare(e.hash, h) })
	for ; at < len(x) && x[at].hash == hash; at++ {
		into = append(into, x[at].seq)
	}
	return into
}

// firsts are the first rows of each hash.
func (x rowIndex) firsts() []int64 {
	var seqs []int64
	for i := range x {
		if i == 0 || x[i].hash != x[i-1].hash {
			seqs = append(seqs, x[i].seq)
		}
	}
	return seqs
}

func hashOf(kind byte, text string) uint64 {
	sum := sha256.Sum256(append([]byte{kind}, text...))
	return binary.LittleEndian.Uint64(sum[:])
}

func gsidHash(gsid string) uint64 { return hashOf('g', gsid) }
func keyHash(lead string) uint64  { return hashOf('k', validate.Fold(lead)) }

// of are the rows that the goals may be of, and the goals by Gsid.
func (x rowIndex) of(goals []gainsight.Goal) (seqs []int64, byGsid map[string]*gainsight.Goal) {
	byGsid = map[string]*gainsight.Goal{}
	for i := range goals {
		seqs = x.find(seqs, gsidHash(goals[i].Gsid))
		byGsid[goals[i].Gsid] = &goals[i]
	}
	return seqs, byGsid
}
