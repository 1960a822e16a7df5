package checkpoint

import "testing"

// Who created a record is known of what this tenant has: not of rows in doubt,
// of records that were deleted, of another natural key or another tenant.
func TestCreators(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	keys := [][2]byte{{1, 0}, {2, 0}, {1, 7}, {4, 0}, {5, 0}}
	run := planRun(t, folder, "first", 5, func(seq int64) Op {
		op := payloads(keys...)(seq)
		if seq == 5 {
			op.Action, op.Gsid = "delete", "G4"
		}
		return op
	})
	journal(t, run, outcomeOf(1, Created, "G1"), intent(2), outcomeOf(3, Created, "G3"), outcomeOf(4, Created, "G4"), outcomeOf(5, Deleted, "G4"))
	closeRun(t, run)
	if err := tenant.IndexCreated(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	elsewhere, err := folder.Tenant(t.Context(), "globex")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	open := func(tenant *Tenant) *Creators {
		creators, err := tenant.Creators(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := creators.Close(); err != nil {
				t.Error(err)
			}
		})
		return creators
	}
	if made, known, err := open(elsewhere).Of(t.Context(), [16]byte{1}, "G1"); err != nil || known {
		t.Errorf("another tenant: %+v, %v", made, err)
	}
	creators := open(tenant)
	for _, q := range []struct {
		key  byte
		gsid string
		want Creator
	}{
		{1, "G1", Creator{Hash: [16]byte{1}, Run: "first", Row: 2}},
		{1, "G3", Creator{Hash: [16]byte{1, 7}, Run: "first", Row: 4}},
		{2, "", Creator{}},
		{2, "G1", Creator{}},
		{4, "G4", Creator{}},
		{9, "G9", Creator{}},
	} {
		made, known, err := creators.Of(t.Context(), [16]byte{q.key}, q.gsid)
		if err != nil || made != q.want || known != (q.want.Run != "") {
			t.Errorf("key %d, goal %q: %+v, %t, %v, want %+v", q.key, q.gsid, made, known, err, q.want)
		}
	}
}
