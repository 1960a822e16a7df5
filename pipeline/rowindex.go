package pipeline

import (
	"cmp"
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

// hashOf is FNV-1a: what is found by it is compared, so that it need not be strong.
func hashOf[T []byte | string](kind byte, text T) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := (offset ^ uint64(kind)) * prime
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime
	}
	return h
}

func gsidHash(gsid string) uint64 { return hashOf('g', gsid) }

func keyHash(lead string) uint64 {
	var room [128]byte
	return hashOf('k', validate.AppendFold(room[:0], lead))
}

// of are the rows that the goals may be of, and the goals by Gsid.
func (x rowIndex) of(goals []gainsight.Goal) (seqs []int64, byGsid map[string]*gainsight.Goal) {
	byGsid = map[string]*gainsight.Goal{}
	for i := range goals {
		seqs = x.find(seqs, gsidHash(goals[i].Gsid))
		byGsid[goals[i].Gsid] = &goals[i]
	}
	return seqs, byGsid
}
