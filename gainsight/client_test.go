package gainsight

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const canary = "CANARY-9f8e7d6c5b4a"

func fixedKey(context.Context) (string, error) { return canary, nil }

// newTestClient returns a client of a server at base.
func newTestClient(t testing.TB, base string, change func(*Config)) *Client {
	t.Helper()
	cfg := Config{BaseURL: base, Key: fixedKey}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func serve(t testing.TB, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// quietTLSServer is a server that does not print the handshakes that fail.
func quietTLSServer(h http.HandlerFunc) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	return s
}

// createdBody is shaped as the specification's answer to a create.
const createdBody = `{"result":true,"errorCode":null,"errorDesc":null,"localizedErrorDesc":null,"requestId":"6ed304d6-f1bf-4bb1-8650-410c1819ef14","data":{"goal":{"cf_picklist__gc":"CISCO","CompanyId":"1P02GZA9BI8FRI07JF95E331G0FA4RHW6LUB","CreatedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","CreatedById__gr":{"Name":"Ankith Vaitla"},"CreatedDate":1675156758024,"CurrencyIsoCode":"USD","Description":"<p><br>Desc 7</p>","DueDate":"2022-12-21","EntityType":"COMPANY","GoalCategory":"GOAL","GoalTypeId":"1I002JOVZ5WU2870PLHILFPFXDHCUUGQKG6U","Gsid":"1CG03GFNBH1NOBHOND0312RSO7BB9EGHHBX2","ModifiedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","ModifiedById__gr":{"Name":"Ankith Vaitla"},"ModifiedDate":1675156758024,"Name":"CG3","StatusId":"1I005IUOFEZ24SJ62ZZHOLW1BP2Z1M8O4IIN","StatusId__gr":{"Name":"New"}},"userInfo":{"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES":{"gsid":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","name":"Ankith Vaitla","profilePicture":null}}},"message":null,"localizedMessage":null}`

func TestCreateAndUpdateSendExactlyOneRequest(t *testing.T) {
	var got []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = append(got, fmt.Sprintf("%s %s %s key=%s type=%s agent=%s %s", r.Proto, r.Method, r.URL.Path,
			r.Header.Get("accesskey"), r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), body))
		w.Header().Set("Date", "Tue, 31 Jan 2023 09:19:17 GMT")
		_, _ = io.WriteString(w, createdBody)
	})
	c := newTestClient(t, s.URL, nil)
	ans := c.CreateGoal(t.Context(), nil, []byte(`{"record":{"Name":"a"}}`), []byte(`{"CompanyId":{}}`))
	c.UpdateGoal(t.Context(), nil, []byte(`{"record":{"Gsid":"X"}}`), nil)

	want := []string{
		`HTTP/1.1 POST /v1/csgoal/external/create key=CANARY-9f8e7d6c5b4a type=application/json agent=gsbatch {"requests":[{"record":{"Name":"a"}}],"lookups":{"CompanyId":{}}}`,
		`HTTP/1.1 PUT /v1/csgoal/external/update key=CANARY-9f8e7d6c5b4a type=application/json agent=gsbatch {"requests":[{"record":{"Gsid":"X"}}]}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantAns := Answer{
		Verdict: Done, Gsid: "1CG03GFNBH1NOBHOND0312RSO7BB9EGHHBX2", HTTPStatus: 200,
		Parents:    map[string]string{"CompanyId": "1P02GZA9BI8FRI07JF95E331G0FA4RHW6LUB"},
		UserID:     "1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES",
		RequestID:  "6ed304d6-f1bf-4bb1-8650-410c1819ef14",
		ServerTime: time.UnixMilli(1675156758024).UTC(), Recorded: time.UnixMilli(1675156758024).UTC(),
	}
	if diff := cmp.Diff(wantAns, ans); diff != "" {
		t.Error(diff)
	}
}

func TestKeyIsReadLazilyOnceAndAgainAfter401(t *testing.T) {
	var reads, calls atomic.Int32
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if r.Header.Get("accesskey") != "new-key" {
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"result":false,"errorCode":"GS_APIG_2401","errorDesc":"Unauthorized","requestId":"r","message":null}`)
			return
		}
		_, _ = io.WriteString(w, createdBody)
	})
	rotated := newTestClient(t, s.URL, func(cfg *Config) {
		cfg.Key = func(context.Context) (string, error) {
			if reads.Add(1) == 1 {
				return "old-key\n", nil
			}
			return "new-key\n", nil
		}
	})
	if reads.Load() != 0 {
		t.Error("the key was read before the first call")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if ans := rotated.CreateGoal(t.Context(), nil, []byte("{}"), nil); ans.Verdict != Done {
				t.Errorf("after a renewal: %+v", ans)
			}
		})
	}
	wg.Wait()
	if reads.Load() != 2 {
		t.Errorf("the key was read %d times, want 2", reads.Load())
	}

	reads.Store(0)
	calls.Store(0)
	stale := newTestClient(t, s.URL, func(cfg *Config) {
		cfg.Key = func(context.Context) (string, error) { reads.Add(1); return "old-key", nil }
	})
	for range 2 {
		ans := stale.CreateGoal(t.Context(), nil, []byte("{}"), nil)
		if err := ans.Failure("create goal"); !errors.Is(err, ErrKeyRefused) || !errors.Is(err, ErrFatal) {
			t.Errorf("refused key: %v", err)
		}
	}
	if reads.Load() != 2 || calls.Load() != 2 {
		t.Errorf("an unchanged key was read %d times and sent %d times, want 2 and 2", reads.Load(), calls.Load())
	}
}

func TestKeyTrouble(t *testing.T) {
	for name, source := range map[string]func(context.Context) (string, error){
		"error":   func(context.Context) (string, error) { return "", errors.New("keyring is locked") },
		"empty":   func(context.Context) (string, error) { return " \n", nil },
		"newline": func(context.Context) (string, error) { return canary + "\r\nX-Evil: 1", nil },
		"unicode": func(context.Context) (string, error) { return canary + "é", nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := newTestClient(t, "http://127.0.0.1:1", func(cfg *Config) { cfg.Key = source })
			ans := c.CreateGoal(t.Context(), nil, []byte("{}"), nil)
			if ans.Verdict != Fatal || ans.Err == nil || !strings.HasPrefix(ans.Err.Error(), "access key: ") {
				t.Errorf("got %+v", ans)
			}
			mustHideKey(t, ans)
		})
	}
}

// mustHideKey prints an answer in every way and looks for the key.
func mustHideKey(t testing.TB, ans Answer) {
	t.Helper()
	encoded, _ := json.Marshal(ans)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", ans, ans, ans), string(encoded), fmt.Sprint(ans.Failure("x"))} {
		if strings.Contains(text, canary) {
			t.Fatalf("the key is shown: %s", text)
		}
	}
}

func TestKeyIsNeverShown(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		_, _ = fmt.Fprintf(w, `{"result":false,"errorCode":"K_%[1]s","requestId":"id-%[1]s","message":"bad key %[1]s"}`, r.Header.Get("accesskey"))
	})
	c := newTestClient(t, s.URL, nil)
	ans := c.CreateGoal(t.Context(), nil, []byte("{}"), nil)
	if ans.Verdict != Rejected || !strings.Contains(ans.Message, "bad key") {
		t.Errorf("got %+v", ans)
	}
	mustHideKey(t, ans)
	shown := fmt.Sprintf("%v %+v %#v %s %v %+v %#v", c, c, c, c, c.keys.current.Load().key, c.keys.current.Load().key, c.keys.current.Load().key)
	encoded, _ := json.Marshal(c.keys.current.Load().key)
	if strings.Contains(shown+string(encoded), canary) {
		t.Errorf("the key is shown: %s %s", shown, encoded)
	}

	proxied := newTestClient(t, "https://acme.invalid", func(cfg *Config) {
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("dial http://user:" + canary + "@proxy:3128 failed, key " + canary)
		}
	})
	ans = proxied.CreateGoal(t.Context(), nil, []byte("{}"), nil)
	if ans.Verdict != NotSent || !errors.Is(ans.Failure("create goal"), ErrUnreachable) {
		t.Errorf("got %+v", ans)
	}
	mustHideKey(t, ans)
	if got, want := withoutUserinfo("get http://u:p@h/x and //a@b"), "get http://h/x and //b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	t.Log("promise S1: in answers that echo it, in errors of the network, and printed with every verb: 0 hits")
}

// TestRedirectsAreRefused: five codes, to the same host, another host, and from https to http.
func TestRedirectsAreRefused(t *testing.T) {
	var other atomic.Int32
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { other.Add(1) })
	for _, code := range []int{301, 302, 303, 307, 308} {
		for _, way := range []string{"same host", "other host", "https to http"} {
			t.Run(fmt.Sprint(code, " ", way), func(t *testing.T) {
				var hits atomic.Int32
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					hits.Add(1)
					to := elsewhere.URL
					if way == "same host" {
						to = "/elsewhere"
					}
					http.Redirect(w, r, to, code)
				})
				s := httptest.NewUnstartedServer(handler)
				if way == "https to http" {
					s.StartTLS()
				} else {
					s.Start()
				}
				defer s.Close()
				c := newTestClient(t, s.URL, func(cfg *Config) {
					if s.Certificate() != nil {
						cfg.CAs = x509.NewCertPool()
						cfg.CAs.AddCert(s.Certificate())
					}
				})
				defer c.Close()
				ans := c.CreateGoal(t.Context(), nil, []byte("{}"), nil)
				if ans.Verdict != Fatal || ans.HTTPStatus != code || !errors.Is(ans.Failure("x"), ErrWrongHost) {
					t.Errorf("got %+v", ans)
				}
				if hits.Load() != 1 || other.Load() != 0 {
					t.Errorf("%d calls at the host and %d elsewhere, want 1 and 0", hits.Load(), other.Load())
				}
				mustHideKey(t, ans)
			})
		}
	}
	t.Log("promise S2: 15 of 15 redirects refused, no call went elsewhere")
}

func TestCertificateNotTrustedIsNotSent(t *testing.T) {
	var hits atomic.Int32
	s := quietTLSServer(func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	defer s.Close()
	c := newTestClient(t, s.URL, nil)
	if ans := c.CreateGoal(t.Context(), nil, []byte("{}"), nil); ans.Verdict != NotSent || hits.Load() != 0 {
		t.Errorf("got %+v, %d calls", ans, hits.Load())
	}
}

func TestTimeoutIsInDoubtAndWorded(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	c := newTestClient(t, s.URL, func(cfg *Config) { cfg.Timeout = 50 * time.Millisecond })
	ans := c.CreateGoal(t.Context(), nil, []byte("{}"), nil)
	if ans.Verdict != InDoubt || ans.Err == nil || !strings.Contains(ans.Err.Error(), "no answer within 50ms") {
		t.Errorf("got %+v", ans)
	}
	if !errors.Is(ans.Failure("create goal"), context.DeadlineExceeded) {
		t.Error("the timeout is not found with errors.Is")
	}
}

func TestContextEndedBeforeTheCallIsNotSent(t *testing.T) {
	var hits atomic.Int32
	s := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	c := newTestClient(t, s.URL, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ans := c.CreateGoal(ctx, nil, []byte("{}"), nil)
	if ans.Verdict != NotSent || hits.Load() != 0 || !errors.Is(ans.Err, context.Canceled) {
		t.Errorf("got %+v, %d calls", ans, hits.Load())
	}
}

func TestOversizedAnswerOfAWriteIsInDoubt(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"result":true,"pad":"`+strings.Repeat("x", 4096)+`"}`)
	})
	c := newTestClient(t, s.URL, func(cfg *Config) { cfg.MaxBody = 1000 })
	ans := c.CreateGoal(t.Context(), nil, []byte("{}"), nil)
	if ans.Verdict != InDoubt || ans.Err == nil || !strings.Contains(ans.Err.Error(), "1000 bytes") {
		t.Errorf("got %+v", ans)
	}
}

func TestNewRefusesBadSettings(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no key":          {BaseURL: "acme"},
		"no url":          {Key: fixedKey},
		"picklist method": {BaseURL: "acme", Key: fixedKey, PicklistMethod: "PUT"},
	} {
		if c, err := New(cfg); err == nil {
			t.Errorf("%s: got %v, want an error", name, c)
		}
	}
}

func BenchmarkCreateGoal(b *testing.B) {
	s := serve(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h["Content-Type"] = []string{"application/json"}
		_, _ = io.WriteString(w, createdBody)
	})
	c := newTestClient(b, s.URL, nil)
	item := []byte(`{"record":{"Name":"create_test1","StatusName":"New","DueDate":"2022-12-21","Description":"<p><br>Desc 7</p>","CompanyId":"1P02GZA9BI8FRI07JF95E331G0FA4RHW6LUB","EntityType":"COMPANY"}}`)
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if ans := c.CreateGoal(context.Background(), nil, item, nil); ans.Verdict != Done {
				b.Error(ans)
			}
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	x := Exchange{Sent: true, Status: 200, Header: http.Header{"Date": {"Tue, 31 Jan 2023 09:19:17 GMT"}}, Body: []byte(createdBody)}
	b.ReportAllocs()
	for b.Loop() {
		if Judge(x).Verdict != Done {
			b.Fatal("not done")
		}
	}
}
