package emulator

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mustOK sends a create call with little overhead of its own.
func mustOK(t testing.TB, tenant *Tenant, body string) {
	w := httptest.NewRecorder()
	tenant.ServeHTTP(w, request("POST", createPath, body))
	if w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
}

func TestSwitchesRoundTrip(t *testing.T) {
	for _, text := range []string{
		"", "limit=100/1m0s:fixed", "limit=7/2s:sliding,daily=9", "latency=10ms,jitter=5ms,skew=-1h0m0s",
		"throttle.code=both,throttle.retry_after=on,strict=on,errors=table", "picklist.children=none,order=unstable,empty_page=error",
		"faults.on=create+reads,faults.by=ordinal,fault.drop_after=0.05,next.drop_after=2,fault.page_delete=0.5",
	} {
		s, err := ParseSwitches(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if got := s.String(); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	s, err := ParseSwitches("strict,order=newest,defaults,limit=on")
	if err != nil || s.String() != "limit=100/1m0s:fixed" {
		t.Errorf("%s %v", s, err)
	}
}

func TestBadSwitches(t *testing.T) {
	for _, text := range []string{
		"nothing=1", "limit=many", "limit=0/60s", "limit=5/0s", "limit=5/60s:odd", "order=backwards", "strict=maybe", "daily=-1", "latency=-1s",
		"fault.cut=2", "fault.cut=NaN", "fault.cut=0.6,fault.html=0.6", "next.cut=half", "faults.on=sometimes",
	} {
		if s, err := ParseSwitches(text); err == nil || !strings.Contains(err.Error(), "setting") {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
}

func TestSettingsAreDescribed(t *testing.T) {
	var zero Switches
	all := zero.all()
	seen := map[string]bool{}
	for _, s := range Settings() {
		if s.Name == "" || s.Form == "" || s.Help == "" || seen[s.Name] || all[s.Name] != s.Default {
			t.Errorf("%+v, at default %q", s, all[s.Name])
		}
		seen[s.Name] = true
	}
}

func TestControl(t *testing.T) {
	tenant := newTenant(t, "")
	gsid := mustCreate(t, tenant, "seen", "")
	mustCreate(t, tenant, "SEEN ", "")
	if status, answer := ask(t, tenant, "PUT", "/_emulator/settings", `fault.drop_before=1,limit=5/60s`); status != 200 || !strings.Contains(answer, `"limit":"5/1m0s:fixed"`) {
		t.Error(status, answer)
	}
	ask(t, tenant, "POST", createPath, goalBody("dropped", ""))
	if status, _ := ask(t, tenant, "PUT", "/_emulator/settings", `{"fault.drop_before":"0","daily":"3"}`); status != 200 {
		t.Error(status)
	}
	if status, answer := ask(t, tenant, "PUT", "/_emulator/settings", `colour=red`); status != 400 || !strings.Contains(answer, "colour") {
		t.Error(status, answer)
	}
	ask(t, tenant, "POST", createPath, goalBody("over the cap", ""))
	_, answer := ask(t, tenant, "GET", "/_emulator/state", "")
	var s State
	if err := json.Unmarshal([]byte(answer), &s); err != nil {
		t.Fatal(err)
	}
	if s.Created != 2 || s.Calls.Total != 4 || s.Calls.Throttled != 1 || s.Faults["drop_before"] != 1 || s.Settings["daily"] != "3" || s.Calls.Most != 4 {
		t.Errorf("%+v", s)
	}
	_, answer = ask(t, tenant, "GET", "/_emulator/calls", "")
	got := regexp.MustCompile(`"endpoint":"goal_create","status":\d+,"fault":"\w*"`).FindAllString(answer, -1)
	want := []string{
		`"endpoint":"goal_create","status":200,"fault":""`, `"endpoint":"goal_create","status":200,"fault":""`,
		`"endpoint":"goal_create","status":0,"fault":"drop_before"`, `"endpoint":"goal_create","status":429,"fault":""`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, answer = ask(t, tenant, "GET", "/_emulator/goals", "")
	if n := strings.Count(answer, `"natural_key":"COMPANY|`+ibm+`|seen","natural_key_count":2`); n != 2 {
		t.Errorf("%d namesakes in %s", n, answer)
	}
	if status, _ := ask(t, tenant, "DELETE", "/_emulator/goals/"+gsid, ""); status != 204 {
		t.Error(status)
	}
	if status, _ := ask(t, tenant, "DELETE", "/_emulator/goals/"+gsid, ""); status != 404 {
		t.Error(status)
	}
	if status, _ := ask(t, tenant, "POST", "/_emulator/reset", ""); status != 204 || tenant.State().Created != 0 || tenant.State().Calls.Total != 0 {
		t.Error(status)
	}
	if status, _ := ask(t, tenant, "GET", "/_emulator/nothing", ""); status != 404 {
		t.Error(status)
	}
}

func TestSeedsAreRealisticAndStable(t *testing.T) {
	tenant := newTenant(t, "")
	_, answer := ask(t, tenant, "GET", "/_emulator/entities", "")
	count := map[string]int{}
	gsids := map[string]bool{}
	for line := range strings.Lines(answer) {
		var e struct{ Object, Name, Gsid string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if !isGsid(e.Gsid) || gsids[e.Gsid] {
			t.Errorf("bad or repeated Gsid in %s", line)
		}
		gsids[e.Gsid] = true
		count[e.Object]++
	}
	if count["company"] < 50 || count["relationship"] != 30 || count["opportunity"] != 20 {
		t.Error(count)
	}
	// Sample files name this one.
	if got, want := seedGsid(companyPrefix, "company", "Acme Corporation"), acme; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, i := range append(tenant.seeds.types, tenant.seeds.statuses...) {
		if !isGsid(i.gsid) || !strings.HasPrefix(i.gsid, itemPrefix) {
			t.Error(i.name, i.gsid)
		}
	}
}

const acme = "1P02PI685F4MA6GMPAHBH9IILGP5D9SDE6VW"
