package gainsight

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

const (
	gsid      = "1CG03GFNBH1NOBHOND0312RSO7BB9EGHHBX2"
	goalError = `{"timestamp":1675399306376,"status":500,"error":"Internal Server Error","exception":"com.gainsight.cs.goal.exception.CSGoalException","message":"Invalid StatusName provided in request","path":"/csgoal/external/create"}`
	crash     = `{"timestamp":1675399306376,"status":500,"error":"Internal Server Error","exception":"java.lang.NullPointerException","message":null,"path":"/csgoal/external/create"}`
	updated   = `{"result":true,"errorCode":null,"requestId":"88f29db9-c88c-4678-9830-823f399aab56","data":{"record":{"Gsid":"1CG03GFNBH1NOBHOND412PHFQQEPGXWOQ1T9","ModifiedById":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES","ModifiedDate":1675167677167},"updatedGoals":null,"properties":{}},"message":null}`
	template  = `{"result":true,"errorCode":null,"data":{"successList":[{"Name":"Goal Template 1","Gsid":"1CG0GG9WM1TYAFSKZSMV3RW0VHC0FYIC4GE2"}],"failureList":[]},"message":null}`
	metric    = `{"result":true,"data":{"successList":[{"createdAt":1738570023841,"createdBy":"1P01J0CQPQSRP90S3XREZGN79WR84S54PAPT","gsid":"1I0056K976K5AXWOB1PGJTG9R7V2KYR0KBHZ"}],"failureList":[]}}`
	deleted   = `{"result":true,"data":{"deletedMetrics":[{"deleted":true,"gsid":"1I0056K976K5AXWOB1NB0L2GCSS77AMROJ8W"}]}}`
	inUse     = `{"result":false,"errorCode":"VC_8026","requestId":"a797130b-5b97-46eb-9c24-7e1062bc5c65","data":null,"message":"Metric is used in some goals or templates. Cannot delete the metric.","errorInfo":{"usageInLayouts":["CP Goal Type"],"hasUsage":true}}`
	html      = "<!DOCTYPE html><html><body>Sign in</body></html>"
	pageBody  = `{"result":true,"data":{"recordList":[]}}`
)

func refusal(code string) string {
	return `{"result":false,"errorCode":"` + code + `","errorDesc":"why","requestId":"6ed304d6-f1bf-4bb1-8650-410c1819ef14","data":null,"message":"why 6ed304d6-f1bf-4bb1-8650-410c1819ef14"}`
}

func TestJudge(t *testing.T) {
	reset := errors.New("connection reset by peer")
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   Verdict
	}{
		// Done, and what only looks like it.
		{"created", 200, createdBody, Done},
		{"created with 201", 201, createdBody, Done},
		{"created, white space around", 200, "\n" + createdBody + "\r\n", Done},
		{"updated", 200, updated, Done},
		{"template created", 200, template, Done},
		{"metric created", 200, metric, Done},
		{"metric deleted", 200, deleted, Done},
		{"result true, no Gsid", 200, `{"result":true,"data":{"goal":{"Name":"a"}}}`, InDoubt},
		{"result true, Gsid null", 200, `{"result":true,"data":{"goal":{"Gsid":null}}}`, InDoubt},
		{"result true, Gsid empty", 200, `{"result":true,"data":{"goal":{"Gsid":""}}}`, InDoubt},
		{"result true, Gsid no id", 200, `{"result":true,"data":{"goal":{"Gsid":"a b"}}}`, InDoubt},
		{"result true, Gsid only in userInfo", 200, `{"result":true,"data":{"userInfo":{"x":{"gsid":"1P01413KLLPNNVG56OM8VLWE6CVV66QUHSES"}}}}`, InDoubt},
		{"result true, data null", 200, `{"result":true,"data":null}`, InDoubt},
		{"no result", 200, `{"data":{"goal":{"Gsid":"` + gsid + `"}}}`, InDoubt},
		{"result true with 500", 500, createdBody, InDoubt},
		{"empty success list", 200, `{"result":true,"data":{"successList":[],"failureList":[]}}`, InDoubt},
		{"failure list with Gsid", 200, `{"result":true,"data":{"goal":{"Gsid":"` + gsid + `"},"failureList":[{"message":"no"}]}}`, Rejected},
		{"failure list of texts", 200, `{"result":true,"data":{"successList":[],"failureList":["no"]}}`, Rejected},
		{"failure list with 500", 500, `{"result":false,"data":{"failureList":[{"errorCode":"X"}]}}`, Rejected},

		// Cut or foreign bodies.
		{"cut", 200, createdBody[:len(createdBody)-1], InDoubt},
		{"cut in a string", 200, createdBody[:60], InDoubt},
		{"empty", 200, "", InDoubt},
		{"blank", 200, "  \n", InDoubt},
		{"array", 200, `[]`, InDoubt},
		{"null", 200, `null`, InDoubt},
		{"text", 200, "OK", InDoubt},
		{"two objects", 200, updated + updated, InDoubt},
		{"bad number", 200, `{"result":true,"n":01,"data":{"goal":{"Gsid":"` + gsid + `"}}}`, InDoubt},
		{"no content", 204, "", InDoubt},
		{"html", 200, html, Fatal},
		{"html after a byte order mark", 200, "\ufeff\n" + html, Fatal},
		{"html with 201", 201, html, Fatal},

		// The key, the address, the host.
		{"bad key", 401, refusal("GS_APIG_2401"), Fatal},
		{"bad key, no body", 401, "", Fatal},
		{"bad key with 200", 200, refusal("GS_APIG_2401"), Fatal},
		{"bad address", 403, refusal("GS_APIG_2402"), Fatal},
		{"bad address with 400", 400, refusal("GS_APIG_2402"), Fatal},
		{"forbidden html", 403, html, Fatal},
		{"no permission", 400, refusal("GSOBJ_1024"), Fatal},
		{"no route", 404, refusal("GS_APIG_1000"), Fatal},
		{"not found html", 404, html, Fatal},
		{"not found by Spring", 404, `{"timestamp":1,"status":404,"error":"Not Found","message":"No message available","path":"/x"}`, Fatal},
		{"method not allowed", 405, "", Fatal},
		{"moved", 301, "", Fatal},
		{"found", 302, html, Fatal},
		{"see other", 303, "", Fatal},
		{"temporary redirect", 307, "", Fatal},
		{"permanent redirect", 308, createdBody, Fatal},
		{"proxy wants a password", 407, html, Fatal},

		// Quota.
		{"throttled", 429, refusal("GS_APIG_2404"), Throttled},
		{"throttled, other code", 429, refusal("GU_2400"), Throttled},
		{"throttled, no body", 429, "", Throttled},
		{"throttled html", 429, html, Throttled},
		{"throttled with 200", 200, refusal("GS_APIG_2404"), Throttled},
		{"throttled with 400", 400, refusal("GU_2400"), Throttled},
		{"throttled with 503", 503, refusal("GU_2400"), Throttled},

		// This record is wrong.
		{"CSGoalException with 500", 500, goalError, Rejected},
		{"CSGoalException with 400", 400, goalError, Rejected},
		{"CSGoalException with 200", 200, goalError, Rejected},
		{"CSGoalException with 404", 404, goalError, Rejected},
		{"8010", 400, refusal("8010"), Rejected},
		{"8010 as a number", 400, `{"result":false,"errorCode":8010,"message":"Invalid status name provided"}`, Rejected},
		{"8001 with 500", 500, refusal("8001"), Rejected},
		{"VC_8026", 200, inUse, Rejected},
		{"VC_8026 with 500", 500, inUse, Rejected},
		{"VC_8008 with 404", 404, refusal("VC_8008"), Rejected},
		{"other code with 400", 400, refusal("GSOBJ_1011"), Rejected},
		{"other code with 422", 422, refusal("GSOBJ_1007"), Rejected},
		{"other code with 200", 200, refusal("GSOBJ_1007"), Rejected},
		{"other code with 409", 409, refusal("GSOBJ_1007"), Rejected},
		{"400 by Spring", 400, `{"timestamp":1,"status":400,"error":"Bad Request","exception":"org.springframework.http.converter.HttpMessageNotReadableException","message":"JSON parse error","path":"/x"}`, Rejected},
		{"400 without a code", 400, `{"result":false,"errorCode":null,"message":"no"}`, Rejected},
		{"too large", 413, html, Rejected},
		{"result false without a code", 200, `{"result":false,"errorCode":null,"message":"no"}`, InDoubt},

		// Nobody knows.
		{"crash", 500, refusal("GU_1101"), InDoubt},
		{"crash by Spring", 500, crash, InDoubt},
		{"unexpected error", 500, refusal("VC_1002"), InDoubt},
		{"unexpected error with 200", 200, refusal("VC_1002"), InDoubt},
		{"other code with 500", 500, refusal("GSOBJ_1007"), InDoubt},
		{"no 80xx code", 500, refusal("18010"), InDoubt},
		{"no 80xx code either", 500, refusal("8010_1"), InDoubt},
		{"cut CSGoalException", 500, goalError[:len(goalError)-2], InDoubt},
		{"bad gateway", 502, html, InDoubt},
		{"unavailable", 503, "", InDoubt},
		{"gateway time-out", 504, html, InDoubt},
		{"request time-out", 408, html, InDoubt},
		{"bad request html", 400, html, InDoubt},
		{"teapot", 418, "", InDoubt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := Exchange{Sent: true, Status: tt.status, Body: []byte(tt.body)}
			a := Judge(x)
			if a.Verdict != tt.want {
				t.Errorf("got %v, want %v: %+v", a.Verdict, tt.want, a)
			}
			if (a.Verdict == Done) != (a.Gsid != "") {
				t.Errorf("%v with Gsid %q", a.Verdict, a.Gsid)
			}
			if strings.Contains(a.Message, "6ed304d6") {
				t.Errorf("message %q holds the request id", a.Message)
			}
			x.Err = reset // behind the last byte: what arrived says the same
			if cut := Judge(x); cut.Verdict != tt.want || (cut.Err == nil) != (tt.want == Done) {
				t.Errorf("with the connection cut behind it: got %v, want %v", cut.Verdict, tt.want)
			}
		})
	}
	if v := Judge(Exchange{Err: reset}).Verdict; v != NotSent {
		t.Errorf("nothing sent: %v", v)
	}
	if v := Judge(Exchange{Sent: true, Err: reset}).Verdict; v != InDoubt {
		t.Errorf("sent, no answer: %v", v)
	}
}

func TestJudgeReads(t *testing.T) {
	for body, want := range map[string]Verdict{
		pageBody:                     Done,
		`{"recordList":[]}`:          Done,
		`{"result":true}`:            Done,
		`{"result":true,"data":{"re`: InDoubt,
		`{}`:                         InDoubt,
		refusal("8009"):              Rejected,
		refusal("GSOBJ_1011"):        Rejected,
		html:                         Fatal,
	} {
		if a := Judge(Exchange{Sent: true, Status: 200, Body: []byte(body), Read: true}); a.Verdict != want {
			t.Errorf("%s: got %v, want %v", body, a.Verdict, want)
		}
	}
}

func TestJudgeMessage(t *testing.T) {
	const id = "6ed304d6-f1bf-4bb1-8650-410c1819ef14"
	for message, want := range map[string]string{
		"Lookup Error " + id:                   "Lookup Error",
		"Lookup Error, requestId: " + id:       "Lookup Error",
		"Lookup Error (request id " + id + ")": "Lookup Error",
		"Lookup Error [" + id + "].":           "Lookup Error",
		"Lookup Error (Name) " + id:            "Lookup Error (Name)",
		"see " + id + " for more":              "see for more",
		"plain (text)":                         "plain (text)",
		"two\\nlines\\t\\u001b[31m\\u202Ered":  "two lines [31mred",
		"":                                     "desc",
	} {
		body := `{"result":false,"errorCode":"8008","requestId":"` + id + `","message":"` + message + `","errorDesc":"desc"}`
		if got := Judge(Exchange{Sent: true, Status: 400, Body: []byte(body)}).Message; got != want {
			t.Errorf("%q: got %q, want %q", message, got, want)
		}
	}
	foreign := Judge(Exchange{Sent: true, Status: 500, Body: []byte(`{"status":500,"message":"Boom 11111111-2222-3333-4444-555555555555"}`)})
	if foreign.Message != "Boom" {
		t.Errorf("an id that stands only in the message: %q", foreign.Message)
	}
	long := Judge(Exchange{Sent: true, Status: 400, Body: []byte(`{"result":false,"errorCode":"1","message":"` + strings.Repeat("é ", 5000) + `"}`)})
	if len(long.Message) > longestMessage+8 {
		t.Errorf("message of %d bytes", len(long.Message))
	}
}

func TestJudgeHeaders(t *testing.T) {
	const date = "Tue, 31 Jan 2023 09:19:17 GMT"
	for value, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		" 1.5 ":                         1500 * time.Millisecond,
		"-3":                            0,
		"NaN":                           0,
		"soon":                          0,
		"999999999999":                  24 * time.Hour,
		"Tue, 31 Jan 2023 09:20:17 GMT": time.Minute,
		"Tue, 31 Jan 2023 09:00:00 GMT": 0,
	} {
		h := http.Header{"Date": {date}, "Retry-After": {value}, "X-Gs-Request-Id": {"req-1"}}
		a := Judge(Exchange{Sent: true, Status: 429, Header: h})
		if a.RetryAfter != want || a.RequestID != "req-1" {
			t.Errorf("Retry-After %q: got %v (request %q), want %v", value, a.RetryAfter, a.RequestID, want)
		}
		if want := time.Date(2023, 1, 31, 9, 19, 17, 0, time.UTC); !a.ServerTime.Equal(want) {
			t.Errorf("server time %v, want %v", a.ServerTime, want)
		}
	}
	later := Judge(Exchange{Sent: true, Status: 200, Header: http.Header{"Date": {date}}, Body: []byte(updated)})
	if later.ServerTime.UnixMilli() != 1675167677167 {
		t.Errorf("server time %v, want that of ModifiedDate", later.ServerTime)
	}
}

func TestErrorSentinels(t *testing.T) {
	all := []error{ErrFatal, ErrKeyRefused, ErrWrongHost, ErrThrottled, ErrUnreachable, ErrRejected, ErrInDoubt}
	for name, tt := range map[string]struct {
		answer Answer
		want   []error
	}{
		"key":       {Answer{Verdict: Fatal, HTTPStatus: 401}, []error{ErrFatal, ErrKeyRefused}},
		"address":   {Answer{Verdict: Fatal, HTTPStatus: 400, Code: "GS_APIG_2402"}, []error{ErrFatal, ErrKeyRefused}},
		"host":      {Answer{Verdict: Fatal, HTTPStatus: 404, Code: "GS_APIG_1000"}, []error{ErrFatal, ErrWrongHost}},
		"no key":    {Answer{Verdict: Fatal}, []error{ErrFatal}},
		"not sent":  {Answer{Verdict: NotSent}, []error{ErrUnreachable}},
		"throttled": {Answer{Verdict: Throttled}, []error{ErrThrottled}},
		"rejected":  {Answer{Verdict: Rejected}, []error{ErrRejected}},
		"in doubt":  {Answer{Verdict: InDoubt}, []error{ErrInDoubt}},
	} {
		err := tt.answer.Failure("create goal")
		for _, target := range all {
			want := slices.Contains(tt.want, target)
			if errors.Is(err, target) != want {
				t.Errorf("%s: errors.Is(%v, %v) is %v", name, err, target, !want)
			}
		}
	}
	if err := (Answer{Verdict: Done}).Failure("x"); err != nil {
		t.Error(err)
	}
	err := Answer{Verdict: Rejected, HTTPStatus: 400, Code: "8010", Message: "Invalid status name", RequestID: "r-1"}.Failure("create goal")
	if got, want := err.Error(), "create goal: rejected: HTTP 400: 8010: Invalid status name (request r-1)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzJudge(f *testing.F) {
	for _, body := range []string{createdBody, updated, template, metric, deleted, inUse, goalError, crash, html, pageBody, refusal("8010"), ""} {
		f.Add(200, []byte(body), false, true)
		f.Add(500, []byte(body), true, true)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte, read, sent bool) {
		a := Judge(Exchange{Sent: sent, Status: status, Body: body, Read: read})
		if a.Verdict < NotSent || a.Verdict > InDoubt {
			t.Fatalf("verdict %d", a.Verdict)
		}
		if a.Verdict == Done && !read && (a.Gsid == "" || status/100 != 2 || !json.Valid(body)) {
			t.Fatalf("done with Gsid %q, status %d", a.Gsid, status)
		}
		if a.Verdict == NotSent && sent {
			t.Fatal("not sent, though a byte left")
		}
		for _, text := range []string{a.Message, a.Code, a.RequestID, a.Gsid, a.UserID} {
			for _, r := range text {
				if !unicode.IsPrint(r) {
					t.Fatalf("%q holds %U", text, r)
				}
			}
		}
	})
}

// FuzzScanner holds the scanner against encoding/json.
func FuzzScanner(f *testing.F) {
	for _, text := range []string{createdBody, `[1,-0.5e+3,"\u00e9\ud83d\ude00\/",true,false,null,{"a":{}}]`, `{"a":01}`, `"\x"`, `[1,]`, `{"a" 1}`, "\"\x01\"", "-", "1.", `"\ud800"`, ""} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := scanner{data: data}
		_, ok := s.value()
		ok = ok && s.end()
		if deep := strings.Count(string(data), "[")+strings.Count(string(data), "{") >= maxDepth; !deep && ok != json.Valid(data) {
			t.Fatalf("scanner says %v, encoding/json %v: %q", ok, json.Valid(data), data)
		}
		var want string
		if ok && json.Unmarshal(data, &want) == nil && data[0] == '"' {
			if got := text(data[:s.pos]); got != want && len(want) > 0 {
				if trimmed := strings.TrimRight(string(data), " \t\r\n"); string(unquoted([]byte(trimmed))) != want {
					t.Fatalf("%q: got %q, want %q", data, got, want)
				}
			}
		}
		var object map[string]json.RawMessage
		if ok && json.Unmarshal(data, &object) == nil && object != nil {
			for _, m := range members(data) {
				if _, known := object[m.key]; !known {
					t.Fatalf("key %q is not in %q", m.key, data)
				}
			}
		}
	})
}
