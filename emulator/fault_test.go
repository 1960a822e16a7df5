package emulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault     string
		status    int // 0: dropped
		want      string
		committed bool
	}{
		{"drop_before", 0, "", false},
		{"drop_after", 0, "", true},
		{"500_before", 500, `"errorCode":"GU_1101"`, false},
		{"500_after", 500, `"errorCode":"GU_1101"`, true},
		{"502_before", 502, "<html>", false},
		{"502_after", 502, "<html>", true},
		{"503_before", 503, "<html>", false},
		{"503_after", 503, "<html>", true},
		{"throttle", 429, `"errorCode":"GS_APIG_2404"`, false},
		{"unauthorized", 401, `"errorCode":"GS_APIG_2401"`, false},
		{"html", 200, "<html>", false},
		{"no_gsid", 200, `"result":true`, true},
		{"failure_list", 200, `"failureList":[{"record":{"Name":"faulty"`, false},
	} {
		for _, form := range []string{"next." + c.fault + "=1", "fault." + c.fault + "=1,faults.on=create"} {
			t.Run(form, func(t *testing.T) {
				tenant := newTenant(t, form)
				status, answer := ask(t, tenant, "POST", createPath, goalBody("faulty", ""))
				if status != c.status || !strings.Contains(answer, c.want) {
					t.Errorf("%d %s", status, answer)
				}
				if strings.Contains(answer, `"Gsid":"1CG0`) {
					t.Errorf("a Gsid is in %s", answer)
				}
				if got := len(fetchNames(t, tenant, clause("A", "Name EQ faulty"), 10, 1)) == 1; got != c.committed {
					t.Errorf("committed: %t, want %t", got, c.committed)
				}
				if n := tenant.State().Faults[c.fault]; n != 1 {
					t.Errorf("counted %d times", n)
				}
			})
		}
	}
}

func TestCutBody(t *testing.T) {
	tenant := newTenant(t, "next.cut=1")
	server := httptest.NewServer(tenant)
	defer server.Close()
	send := func() (int, string, error) {
		r := request("POST", createPath, goalBody("cut", ""))
		r.RequestURI = ""
		r.URL.Host, r.Host = strings.TrimPrefix(server.URL, "http://"), ""
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = resp.Body.Close() }()
		buf := new(strings.Builder)
		_, err = fmt.Fprint(buf, readAll(resp.Body))
		return resp.StatusCode, buf.String(), err
	}
	status, answer, err := send()
	if err != nil || status != 200 || !strings.HasPrefix(answer, `{"result":true`) || strings.HasSuffix(answer, "}") {
		t.Errorf("%d %q %v", status, answer, err)
	}
	if n := tenant.State().Created; n != 1 {
		t.Errorf("%d created", n)
	}
}

func TestSlowStalledAndLate(t *testing.T) {
	for _, c := range []struct {
		fault  string
		after  time.Duration // the answer, or the drop
		commit time.Duration // earliest time of the commit
	}{
		{"slow", 35 * time.Second, 0},
		{"stall", 35 * time.Second, 35 * time.Second},
		{"late", 0, 5 * time.Second},
	} {
		t.Run(c.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := newTenant(t, "next."+c.fault+"=1")
				start := time.Now()
				go func() {
					time.Sleep(time.Second)
					if n := tenant.State().Created; (n == 1) != (c.commit == 0) {
						t.Errorf("%d created after a second", n)
					}
				}()
				status, _ := ask(t, tenant, "POST", createPath, goalBody("g", ""))
				if got := time.Since(start); got != c.after || (status == 0) != (c.fault == "late") {
					t.Errorf("status %d after %s", status, got)
				}
				time.Sleep(6 * time.Second)
				if s := tenant.State(); s.Created != 1 || s.Pending != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestCloseCarriesOutLateCommits(t *testing.T) {
	dir := t.TempDir()
	tenant := openTenant(t, Options{Dir: dir}, "next.late=1,late.delay=1h")
	ask(t, tenant, "POST", createPath, goalBody("late", ""))
	if err := tenant.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fetchNames(t, openTenant(t, Options{Dir: dir}, ""), clause("A", "Name EQ late"), 10, 1); len(got) != 1 {
		t.Error(got)
	}
}

func TestPageFaultsDisturb(t *testing.T) {
	tenant := newTenant(t, "")
	before := tenant.State().Goals
	if err := tenant.Set("next.page_insert=2"); err != nil {
		t.Fatal(err)
	}
	fetchNames(t, tenant, "", 2, 1)
	fetchNames(t, tenant, "", 2, 2)
	if n := tenant.State().Goals; n != before+2 {
		t.Errorf("%d goals, want %d", n, before+2)
	}
	if err := tenant.Set("next.page_delete=1"); err != nil {
		t.Fatal(err)
	}
	fetchNames(t, tenant, "", 2, 1)
	if n := tenant.State().Goals; n != before+1 {
		t.Errorf("%d goals, want %d", n, before+1)
	}
}

// TestFaultsReplay checks that faults depend on the seed, the name and the
// attempt, and not on the order of the calls.
func TestFaultsReplay(t *testing.T) {
	outcome := func(seed int64, from, step int) string {
		tenant := openTenant(t, Options{Seed: seed}, "fault.drop_before=0.3,fault.500_after=0.3")
		got := make([]byte, 50)
		for n := range 50 {
			i := (from + n*step) % 50
			status, _ := ask(t, tenant, "POST", createPath, goalBody(fmt.Sprint("goal ", i), ""))
			got[i] = "d25"[status/200]
		}
		return string(got)
	}
	forward, other, again := outcome(1, 0, 1), outcome(1, 13, 7), outcome(2, 0, 1)
	if forward != other {
		t.Errorf("the order of calls matters:\n%s\n%s", forward, other)
	}
	if forward == again {
		t.Error("the seed does not matter")
	}
	if strings.Count(forward, "d") < 5 || strings.Count(forward, "2") < 5 {
		t.Errorf("odd rates: %s", forward)
	}
}

func TestRevokedKeyAndThrottleForms(t *testing.T) {
	tenant := newTenant(t, "key.revoked_after=2")
	for i, want := range []int{200, 200, 401, 401} {
		if status, _ := ask(t, tenant, "POST", createPath, goalBody(fmt.Sprint(i), "")); status != want {
			t.Errorf("call %d: %d, want %d", i+1, status, want)
		}
	}
	tenant = newTenant(t, "limit=1/1h:first,throttle.code=GU_2400,throttle.retry_after=on")
	mustCreate(t, tenant, "first", "")
	w := httptest.NewRecorder()
	tenant.ServeHTTP(w, request("POST", createPath, goalBody("second", "")))
	if w.Code != 429 || !strings.Contains(w.Body.String(), "GU_2400") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
}

func TestLimits(t *testing.T) {
	for _, c := range []struct {
		limit string
		calls []string // offset of each call from the epoch of the bubble, + if it is let in
	}{
		{"2/60s:fixed", []string{"59s+", "59.5s+", "59.9s-", "60s+", "61s+", "119s-", "120s+"}},
		{"2/60s:first", []string{"59s+", "60s+", "61s-", "118.9s-", "119s+", "120s+", "130s-", "179s+"}},
		{"2/60s:sliding", []string{"59s+", "90s+", "118.9s-", "119s+", "149s-", "150s+", "178s-", "179s+"}},
	} {
		t.Run(c.limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := newTenant(t, "limit="+c.limit)
				start := time.Now() // midnight
				for _, call := range c.calls {
					at, _ := time.ParseDuration(call[:len(call)-1])
					time.Sleep(time.Until(start.Add(at)))
					status, answer := ask(t, tenant, "POST", picklistPath, `{}`)
					if (status == 200) != strings.HasSuffix(call, "+") || status != 200 && status != 429 {
						t.Errorf("%s: %d %.80s", call, status, answer)
					}
				}
			})
		})
	}
}

func TestDailyCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant(t, "daily=2")
		for i, want := range []int{200, 200, 429} {
			if status, _ := ask(t, tenant, "POST", picklistPath, `{}`); status != want {
				t.Errorf("call %d: %d, want %d", i, status, want)
			}
		}
		time.Sleep(24 * time.Hour)
		if status, _ := ask(t, tenant, "POST", picklistPath, `{}`); status != 200 {
			t.Error("the next day is no new day")
		}
		if s := tenant.State(); s.Calls.Throttled != 1 || s.Calls.Total != 4 || s.Calls.Most != 3 {
			t.Errorf("%+v", s.Calls)
		}
	})
}

func TestMostCallsInAWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := openTenant(t, Options{CallLog: 8}, "")
		for range 3 {
			ask(t, tenant, "POST", picklistPath, `{}`)
			time.Sleep(25 * time.Second)
		}
		if s := tenant.State().Calls; s.Most != 3 || s.MostFixed != 3 || s.Capped {
			t.Errorf("%+v", s)
		}
		time.Sleep(time.Hour)
		for range 20 {
			ask(t, tenant, "POST", picklistPath, `{}`)
		}
		if s := tenant.State().Calls; s.Most != 8 || !s.Capped || s.MostFixed != 20 {
			t.Errorf("%+v", s)
		}
	})
}

func TestLatencyAndSkew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := newTenant(t, "latency=2s,jitter=1s,skew=-1h")
		start := time.Now()
		w := httptest.NewRecorder()
		tenant.ServeHTTP(w, request("POST", createPath, goalBody("skewed", "")))
		if d := time.Since(start); d < 2*time.Second || d > 3*time.Second {
			t.Errorf("answered after %s", d)
		}
		if date, _ := http.ParseTime(w.Header().Get("Date")); !date.Equal(start.Add(-time.Hour)) {
			t.Errorf("Date %s", date)
		}
		if want := fmt.Sprintf(`"CreatedDate":%d`, start.Add(-time.Hour).UnixMilli()); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s is not in %s", want, w.Body)
		}
	})
}
