package checkpoint

import (
	"errors"
	"testing"
)

// Whatever is broken in a database, every reading of doubts, claims and counts
// either still has what it needs or says which file cannot be read.
func TestEveryReadingMayFail(t *testing.T) {
	breaks := map[bool][]string{true: nil, false: nil} // whether it is the tenant's database
	for _, table := range []string{"journal", "folded", "fates", "ops", "items", "texts", "befores"} {
		breaks[false] = append(breaks[false], "DROP TABLE "+table)
	}
	breaks[false] = append(breaks[false], "UPDATE journal SET batch = 'x'", "UPDATE folded SET upto = 'x'", "UPDATE ops SET line = 'x'")
	for _, table := range []string{"created", "indexed", "learned"} {
		breaks[true] = append(breaks[true], "DROP TABLE "+table)
	}
	breaks[true] = append(breaks[true], "UPDATE indexed SET upto = 'x'", "UPDATE created SET seq = 'x' WHERE seq = 2")
	for shared, statements := range breaks {
		for _, statement := range statements {
			t.Run(statement, func(t *testing.T) { readsOfBroken(t, shared, statement) })
		}
	}
}

func readsOfBroken(t *testing.T, shared bool, statement string) {
	t.Helper()
	ctx := t.Context()
	folder, other := newRun(t, 4)
	tenant := openTenant(t, folder)
	mine := planRun(t, folder, "mine", 2, payloads([2]byte{1, 0}, [2]byte{2, 0}))
	taught := outcomeOf(1, Created, "G1")
	taught.Parents = "CompanyId=C1"
	journal(t, other, intent(1), taught, intent(2), outcomeOf(2, InDoubt, ""))
	if _, err := tenant.DoubtsElsewhere(ctx, mine); err != nil {
		t.Fatal(err)
	}
	if err := other.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	journal(t, other, intent(3), outcomeOf(3, InDoubt, ""))
	db := other.db
	if shared {
		db = tenant.db
	}
	if _, err := db.write.Exec(statement); err != nil {
		t.Fatal(err)
	}
	failed := 0
	check := func(what string, err error) {
		t.Helper()
		var storage *StorageError
		if err != nil && !errors.As(err, &storage) {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil {
			failed++
		}
	}
	names := []string{"company IBM"}
	_, err := other.Doubts(ctx)
	check("doubts", err)
	_, err = other.LearnedParents(ctx, names)
	check("learned", err)
	_, err = other.Claimed(ctx, []string{"G1", ""})
	check("claimed", err)
	_, err = tenant.ClaimedElsewhere(ctx, mine, []string{"G1", ""})
	check("claimed elsewhere", err)
	_, err = tenant.DoubtsElsewhere(ctx, mine)
	check("doubts elsewhere", err)
	_, err = other.Counts(ctx)
	check("counts", err)
	check("fates", other.SetFates(ctx, map[int64]Fate{4: {Status: Stale}}))
	check("fold", other.Fold(ctx))
	if failed == 0 && statement[:4] == "DROP" && statement != "DROP TABLE learned" {
		t.Error("nothing was missed")
	}
	closeRun(t, other)
	closeRun(t, mine)
}
