package checkpoint

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRevise plans four updates and revises them.
func TestRevise(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run, err := folder.Create(t.Context(), Info{ID: "a", Input: Input{Rows: 4}}, Holder{})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	var batch Batch
	for seq := range int64(4) {
		batch.Add(seq+1, int(seq)+2, nil, &Op{Seq: seq + 1, Line: int(seq) + 2, Action: "update", Gsid: "G", Item: "long", Lookups: "L", Aside: "aside"}, nil, nil)
	}
	if err := run.Planner().Write(t.Context(), &batch); err != nil {
		t.Fatal(err)
	}
	before := &Before{Modified: 5, ModifiedBy: "U", Doc: "{}"}
	err = run.Revise(t.Context(), []Revision{
		{Seq: 1, Op: &Op{Item: "short", Hash: [16]byte{1}}, Before: before},
		{Seq: 2, Fate: &Fate{Status: Unchanged, Gsid: "G"}},
		{Seq: 3, Fate: &Fate{Status: Invalid}, Problems: []Problem{{Message: "no"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	op := Op{Line: 2, Action: "update", Gsid: "G", Item: "long", Lookups: "L", Aside: "aside"}
	want := []Change{{Op: op, Before: before}, {Op: op, Fate: Fate{Status: Unchanged, Gsid: "G"}}, {Op: op, Fate: Fate{Status: Invalid}}, {Op: op}}
	for i := range want {
		want[i].Seq, want[i].Line = int64(i)+1, i+2
		if want[i].Fate.Status == "" {
			want[i].Fate.Status = Pending
		}
	}
	want[0].Item, want[0].Hash = "short", [16]byte{1}
	var got []Change
	for c, err := range run.Changes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, c)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	some, err := run.ChangesOf(t.Context(), []int64{4, 2, 9})
	if err != nil || len(some) != 2 || some[0].Seq != 2 || some[1].Seq != 4 {
		t.Errorf("%+v, %v", some, err)
	}
	var pending []string
	for op, err := range run.PendingOps(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		pending = append(pending, op.Item)
	}
	if diff := cmp.Diff([]string{"short", "long"}, pending); diff != "" {
		t.Error(diff)
	}
	if problems, err := run.Problems(t.Context(), 3); err != nil || len(problems) != 1 || problems[0].Message != "no" {
		t.Errorf("%+v, %v", problems, err)
	}
}

func TestCandidatesComeInInputOrder(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	run, err := folder.Create(t.Context(), Info{ID: "a"}, Holder{})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	var list []Candidate
	for i := range int64(2*opBatch + 1) {
		list = append(list, Candidate{Seq: 3*opBatch - i, Gsid: "G"})
	}
	list = append(list, Candidate{Seq: 3 * opBatch, Gsid: "H", Sure: true, Doc: "{}"})
	if err := run.AddCandidates(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	last, n := int64(0), 0
	for found, err := range run.Candidates(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if found.Seq <= last {
			t.Fatalf("row %d after row %d", found.Seq, last)
		}
		last = found.Seq
		n += len(found.Goals)
		if found.Seq == 3*opBatch && (len(found.Goals) != 2 || !found.Goals[1].Sure || found.Goals[1].Doc != "{}") {
			t.Errorf("%+v", found)
		}
	}
	if n != len(list) {
		t.Errorf("%d of %d", n, len(list))
	}
}
