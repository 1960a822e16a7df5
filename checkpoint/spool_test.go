package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func openSpool(t *testing.T, tenant *Tenant, maxAge time.Duration) *Spool {
	t.Helper()
	s, err := tenant.Spool("key", maxAge, Holder{PID: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeSpool(t *testing.T, s *Spool) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func spooled(t *testing.T, s *Spool) string {
	t.Helper()
	var list []string
	for record, err := range s.Records() {
		if err != nil {
			t.Fatal(err)
		}
		at, err := s.At(record.Place)
		if err != nil || string(at) != string(record.Text) {
			t.Fatalf("at %d: %q, %v, want %q", record.Place, at, err, record.Text)
		}
		list = append(list, string(record.Text))
	}
	if len(list) != s.Len() {
		t.Errorf("%d records, Len %d", len(list), s.Len())
	}
	return strings.Join(list, " ")
}

func addPage(t *testing.T, s *Spool, page int, records ...string) {
	t.Helper()
	for _, r := range records {
		if err := s.Add([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Mark(json.RawMessage(fmt.Sprint(page))); err != nil {
		t.Fatal(err)
	}
}

// A file cut at any byte, or with a byte changed, gives whole pages, and goes on.
func TestSpoolIsCutAnywhere(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	s := openSpool(t, tenant, time.Hour)
	if s.Head() != nil || s.Position() != nil || s.Len() != 0 {
		t.Errorf("a new spool has %s, %s, %d", s.Head(), s.Position(), s.Len())
	}
	if err := s.Begin(json.RawMessage(`{"h":1}`)); err != nil {
		t.Fatal(err)
	}
	long := `"` + strings.Repeat("x", 50) + `"`
	addPage(t, s, 1, `1`, `2`)
	addPage(t, s, 2, `3`, long)
	if err := s.Add([]byte(`5`)); err != nil { // of a page that never ended
		t.Fatal(err)
	}
	path := s.path
	closeSpool(t, s)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"": "", "1": "1 2", "2": "1 2 3 " + long}
	for cut := range len(whole) {
		for _, broken := range []bool{false, true} {
			text := append([]byte{}, whole[:cut]...)
			if broken {
				text = append([]byte{}, whole...)
				text[cut] ^= 1
			}
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			s := openSpool(t, tenant, time.Hour)
			at := string(s.Position())
			if got := spooled(t, s); got != want[at] && !broken {
				t.Fatalf("cut at %d: position %s, records %s", cut, at, got)
			}
			if s.Head() != nil {
				addPage(t, s, 3, `6`)
			}
			closeSpool(t, s)
			s = openSpool(t, tenant, time.Hour)
			if s.Head() != nil && !strings.HasSuffix(spooled(t, s), "6") {
				t.Fatalf("cut at %d: what followed is %s", cut, spooled(t, s))
			}
			closeSpool(t, s)
		}
	}
}

func TestSpoolGrowsOldAndIsHeldOnce(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	s := openSpool(t, tenant, time.Hour)
	if err := s.Begin(json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	addPage(t, s, 1, `1`)
	if _, err := tenant.Spool("key", time.Hour, Holder{}); !isLocked(err) {
		t.Errorf("a second holder: %v", err)
	}
	other, err := tenant.Spool("other", time.Hour, Holder{})
	if err != nil || other.Len() != 0 {
		t.Fatalf("another export's: %v", err)
	}
	if err := errors.Join(other.Begin(json.RawMessage(`{}`)), other.Mark(nil)); err != nil {
		t.Fatal(err)
	}
	path := other.path
	closeSpool(t, other)
	old := time.Now().Add(-2 * time.Hour)
	if err := errors.Join(os.Chtimes(path, old, old), os.Chtimes(s.path, old, old)); err != nil {
		t.Fatal(err)
	}
	closeSpool(t, s)
	s = openSpool(t, tenant, time.Hour)
	if s.Head() != nil || s.Len() != 0 {
		t.Errorf("an old spool has %s and %d records", s.Head(), s.Len())
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("an old spool of another export is still there")
	}
	if err := s.Discard(); err != nil {
		t.Fatal(err)
	}
	closeSpool(t, s)
	left, err := filepath.Glob(filepath.Join(folder.Dir(), "exports", "*.jsonl"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func isLocked(err error) bool {
	_, ok := errors.AsType[*LockedError](err)
	return ok
}

func TestWatermark(t *testing.T) {
	folder, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tenant := openTenant(t, folder)
	if at, err := tenant.Watermark(t.Context(), "a"); err != nil || !at.IsZero() {
		t.Errorf("%v, %v", at, err)
	}
	want := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	if err := tenant.SetWatermark(t.Context(), "a", want); err != nil {
		t.Fatal(err)
	}
	if at, err := tenant.Watermark(t.Context(), "a"); err != nil || !at.Equal(want) {
		t.Errorf("%v, %v", at, err)
	}
	if at, err := tenant.Watermark(t.Context(), "b"); err != nil || !at.IsZero() {
		t.Errorf("%v, %v", at, err)
	}
}
