package gainsight

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestGsidSet holds the set against a map, through many growths.
func TestGsidSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set, model := newGsidSet(), map[string]int{}
		for range rapid.IntRange(0, 5000).Draw(t, "steps") {
			gsid := "1CG0" + strconv.Itoa(rapid.IntRange(0, 3000).Draw(t, "gsid"))
			pass := rapid.IntRange(1, 3).Draw(t, "pass")
			met, known := model[gsid]
			if set.has(gsid) != known || set.marked(gsid, pass) != (known && met == pass) {
				t.Fatalf("%s: has %v, marked in %d: %v; want %v, %v", gsid, set.has(gsid), pass, set.marked(gsid, pass), known, met)
			}
			if rapid.Bool().Draw(t, "mark") {
				if again := set.mark(gsid, pass); again != (known && met == pass) {
					t.Fatalf("%s: again %v", gsid, again)
				}
				model[gsid] = pass
			} else {
				if fresh := set.add(gsid); fresh == known {
					t.Fatalf("%s: fresh %v", gsid, fresh)
				}
				model[gsid] = met
			}
			if set.len() != len(model) {
				t.Fatalf("%d of %d", set.len(), len(model))
			}
		}
	})
}
