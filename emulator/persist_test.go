package emulator

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func dump(t testing.TB, tenant *Tenant) string {
	t.Helper()
	var b bytes.Buffer
	if err := tenant.WriteGoals(&b); err != nil {
		t.Fatal(err)
	}
	tenant.mu.Lock()
	defer tenant.mu.Unlock()
	for _, r := range tenant.templates.records() {
		b.Write(tenant.appendState(nil, r))
		b.WriteByte('\n')
	}
	for _, m := range tenant.metricList {
		b.Write(m.append(nil, true, false))
		b.WriteByte('\n')
	}
	return b.String()
}

func TestJournalBringsEverythingBack(t *testing.T) {
	dir := t.TempDir()
	tenant := openTenant(t, Options{Dir: dir}, "")
	for _, c := range specCalls() {
		if status, answer := ask(t, tenant, c.method, c.path, readSpec(t, c.name+".request.json")); status != 200 {
			t.Fatalf("%s: %d %s", c.name, status, answer)
		}
	}
	mustCreate(t, tenant, `odd "name" 株\`+"\n\x01", `,"cust_number__gc":1e2,"cust_flag__gc":false,"cust_date__gc":"2024-02-29","cust_multi__gc":"East"`)
	want := dump(t, tenant)
	if err := tenant.Close(); err != nil {
		t.Fatal(err)
	}
	again := openTenant(t, Options{Dir: dir}, "")
	if diff := cmp.Diff(want, dump(t, again)); diff != "" {
		t.Error(diff)
	}
	mustCreate(t, again, "after", "")
	if err := again.Reset(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(dump(t, newTenant(t, "")), dump(t, again)); diff != "" {
		t.Errorf("reset: %s", diff)
	}
}

// TestTornTail cuts the journal at every byte of its last line: the commits
// before it stay, and the next one stands on a line of its own.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	tenant := openTenant(t, Options{Dir: dir}, "")
	mustCreate(t, tenant, "first", "")
	whole, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	mustCreate(t, tenant, "second", "")
	all, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		t.Fatal(err)
	}
	for n := len(whole); n < len(all); n += 7 {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, journalName), all[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			reopened := openTenant(t, Options{Dir: torn}, "")
			if got := len(fetchNames(t, reopened, clause("A", "Name EQ first"), 9, 1)); got != 1 {
				t.Fatalf("cut at %d: %d goals", n, got)
			}
			mustCreate(t, reopened, "third", "")
			if err := reopened.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestDamagedJournalIsAnError(t *testing.T) {
	for _, text := range []string{"not a journal\n", journalHead + "{\"put\":\n", journalHead + "{}\n", journalHead + `{"put":{"Gsid":"x","Name":"n","Colour":"red"}}` + "\n"} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, journalName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFolderHasOneOwner(t *testing.T) {
	dir := t.TempDir()
	openTenant(t, Options{Dir: dir}, "")
	if _, err := New(Options{Dir: dir}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) {
		t.Error(err)
	}
}

// TestFailedWriteIsNotAcknowledged closes the file under the tenant.
func TestFailedWriteIsNotAcknowledged(t *testing.T) {
	tenant := openTenant(t, Options{Dir: t.TempDir()}, "")
	if err := tenant.journal.file.Close(); err != nil {
		t.Fatal(err)
	}
	status, answer := ask(t, tenant, "POST", createPath, goalBody("lost", ""))
	if status != 500 || !strings.Contains(answer, "GU_1101") || len(fetchNames(t, tenant, clause("A", "Name EQ lost"), 9, 1)) != 0 {
		t.Errorf("%d %s", status, answer)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	tenant := openTenant(t, Options{Dir: t.TempDir()}, "limit=100000/60s:sliding")
	before := tenant.State().Goals
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				gsid := mustCreate(t, tenant, fmt.Sprintf("goal %d-%d", g, i), "")
				ask(t, tenant, "PUT", updatePath, `{"requests":[{"record":{"Gsid":"`+gsid+`","Name":"goal `+fmt.Sprint(i)+`"}}]}`)
				fetchNames(t, tenant, clause("A", "Name STARTS_WITH goal"), 5, 2)
				fetchNames(t, tenant, clause("A", "Name EQ goal 1"), 5, 1)
			}
		})
	}
	wg.Wait()
	if n := tenant.State().Goals; n != before+400 {
		t.Errorf("%d goals, want %d", n, before+400)
	}
	if n := strings.Count(dump(t, tenant), `"natural_key_count":8`); n != 400 {
		t.Errorf("%d goals of eight namesakes, want 400", n)
	}
}

func BenchmarkCreate(b *testing.B) {
	for _, dir := range []string{"", b.TempDir()} {
		b.Run(map[bool]string{true: "memory", false: "disk"}[dir == ""], func(b *testing.B) {
			tenant := openTenant(b, Options{Dir: dir}, "")
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				mustOK(b, tenant, goalBody(fmt.Sprint("goal ", n), `,"DueDate":"2025-05-01","Description":"<p>text</p>"`))
			}
		})
	}
}
