package gainsight

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func judged(status int, body string) Answer {
	return Judge(Exchange{Sent: true, Status: status, Body: []byte(body)})
}

// What stands at the edge of each line of the table of verdicts.
func TestJudgeEdges(t *testing.T) {
	const done, code = `{"result":true,"data":{"goal":{"Gsid":"G1"}}}`, `{"result":false,"errorCode":"GSOBJ_1007"}`
	for name, tt := range map[string]struct {
		status int
		body   string
		want   Verdict
	}{
		"success ends at 299":                {299, done, Done},
		"no success below 200":               {199, done, InDoubt},
		"300 is a redirect":                  {300, done, Fatal},
		"399 is a redirect":                  {399, done, Fatal},
		"a refusal of 299":                   {299, code, Rejected},
		"a refusal of 400":                   {400, code, Rejected},
		"a refusal of 401 is the key's":      {401, code, Fatal},
		"a refusal of 402":                   {402, code, Rejected},
		"a refusal of 499":                   {499, code, Rejected},
		"a refusal of 500 may be anything":   {500, code, InDoubt},
		"a refusal of 199 may be anything":   {199, code, InDoubt},
		"a time-out with a code":             {408, code, InDoubt},
		"400 with a code alone":              {400, `{"errorCode":"GSOBJ_1007"}`, Rejected},
		"422 with an exception alone":        {422, `{"exception":"java.lang.X"}`, Rejected},
		"400 with an object of nothing":      {400, `{}`, InDoubt},
		"409 without a code":                 {409, `{"result":false}`, InDoubt},
		"409 with a code, result unsaid":     {409, `{"errorCode":"GSOBJ_1007"}`, InDoubt},
		"result true in words":               {200, `{"result":"true","data":{"goal":{"Gsid":"G1"}}}`, Done},
		"result false in words":              {200, `{"result":"false","errorCode":"X"}`, Rejected},
		"result neither":                     {200, `{"result":1,"data":{"goal":{"Gsid":"G1"}}}`, InDoubt},
		"code by its other name":             {500, `{"code":"8010"}`, Rejected},
		"code of three digits":               {500, refusal("801"), InDoubt},
		"code of 80 and a digit":             {500, refusal("801x"), InDoubt},
		"code of 80x5":                       {500, refusal("80x5"), InDoubt},
		"code of 80 and a colon":             {500, refusal("80:5"), InDoubt},
		"code of 80 and a slash":             {500, refusal("805/"), InDoubt},
		"code of 8000":                       {500, refusal("8000"), Rejected},
		"code of 8099":                       {500, refusal("8099"), Rejected},
		"code of 9010":                       {500, refusal("9010"), InDoubt},
		"code of 8110":                       {500, refusal("8110"), InDoubt},
		"address too long":                   {414, html, Rejected},
		"media type":                         {415, "", Rejected},
		"headers too large":                  {431, "", Rejected},
		"gone":                               {410, "", Fatal},
		"gone with a code":                   {410, code, Rejected},
		"not found, of the goal":             {404, `{"exception":"x.CSGoalException"}`, Rejected},
		"failure list at the top":            {200, `{"result":true,"failureList":[{}],"data":{"goal":{"Gsid":"G1"}}}`, Rejected},
		"failure list that is null":          {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":null}}`, Done},
		"failure list that is {}":            {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":{}}}`, Done},
		"failure list that is 0":             {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":0}}`, Done},
		"failure list that is empty text":    {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":""}}`, Done},
		"failure list that is false":         {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":false}}`, Done},
		"failure list that is an object":     {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":{"a":1}}}`, Rejected},
		"failure list that is a text":        {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":"no"}}`, Rejected},
		"two failure lists, one of them not": {200, `{"result":true,"failureList":["no"],"data":{"goal":{"Gsid":"G1"},"failureList":null}}`, Rejected},
		"failure list cut short":             {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":nul`, InDoubt},
		"failure list not JSON":              {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":[{"x":tru}]}}`, InDoubt},
		"failure list not JSON at all":       {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":nul}}`, InDoubt},
		"failure of numbers":                 {200, `{"result":true,"data":{"goal":{"Gsid":"G1"},"failureList":[1]}}`, Rejected},
		"list of one page at the top":        {200, `{"recordList":[]}`, InDoubt},
		"success list that is no list":       {200, `{"result":true,"data":{"successList":{"Gsid":"G1"}}}`, InDoubt},
		"success list that is not JSON":      {200, `{"result":true,"data":{"successList":x,"goal":{"Gsid":"G1"}}}`, InDoubt},
		"goal that is no object":             {200, `{"result":true,"data":{"goal":"G1"}}`, InDoubt},
		"goal that is not JSON":              {200, `{"result":true,"data":{"goal":x}}`, InDoubt},
		"id not JSON":                        {200, `{"result":true,"data":{"goal":{"Gsid":"G1","CompanyId":x}}}`, InDoubt},
		"data not JSON":                      {200, `{"result":true,"data":x}`, InDoubt},
		"id of 100 letters":                  {200, `{"result":true,"data":{"goal":{"Gsid":"` + strings.Repeat("A", 100) + `"}}}`, Done},
		"id of 101 letters":                  {200, `{"result":true,"data":{"goal":{"Gsid":"` + strings.Repeat("A", 101) + `"}}}`, InDoubt},
		"id of one letter":                   {200, `{"result":true,"data":{"goal":{"Gsid":"A"}}}`, Done},
		"id that is a number":                {200, `{"result":true,"data":{"goal":{"Gsid":12345}}}`, InDoubt},
		"id with a dash and a line":          {200, `{"result":true,"data":{"goal":{"Gsid":"A-b_9"}}}`, Done},
		"id that is a list":                  {200, `{"result":true,"data":{"goal":{"Gsid":["A"]}}}`, InDoubt},
	} {
		if a := judged(tt.status, tt.body); a.Verdict != tt.want {
			t.Errorf("%s: got %v, want %v: %+v", name, a.Verdict, tt.want, a)
		}
	}
	bare := Judge(Exchange{Sent: true, Status: 200, Read: true, Body: []byte(`{"recordList":{}}`)})
	if bare.Verdict != InDoubt {
		t.Errorf("a page whose recordList is no list: %v", bare.Verdict)
	}
	failed := Judge(Exchange{Sent: true, Status: 200, Read: true, Body: []byte(`{"result":true,"failureList":["no"]}`)})
	if failed.Verdict != Rejected {
		t.Errorf("a read with failures: %v", failed.Verdict)
	}
}

// A page of a proxy is told by its type, too, but JSON stays JSON.
func TestJudgeForeignPages(t *testing.T) {
	page := http.Header{"Content-Type": {"Text/HTML; charset=utf-8"}}
	for body, want := range map[string]Verdict{"please sign in": Fatal, `{"result":tr`: InDoubt, "": InDoubt, "\ufeff <p>": Fatal} {
		if a := Judge(Exchange{Sent: true, Status: 200, Header: page, Body: []byte(body)}); a.Verdict != want {
			t.Errorf("%q: got %v, want %v", body, a.Verdict, want)
		}
	}
	if a := judged(200, "please sign in"); a.Verdict != InDoubt {
		t.Errorf("a text of no type: %v", a.Verdict)
	}
}

// What an answer tells besides its verdict.
func TestJudgeTells(t *testing.T) {
	for body, want := range map[string]Answer{
		`{"result":true,"requestId":"r1","data":{"goal":{"Gsid":"G1","CompanyId":"C1","CreatedById":"U1","CreatedDate":1700000000000}}}`: {
			Gsid: "G1", Parents: map[string]string{"CompanyId": "C1"}, UserID: "U1", RequestID: "r1", ServerTime: time.UnixMilli(1700000000000).UTC()},
		`{"result":true,"data":{"goal":{"Gsid":"G1","RelationshipId":"R1","ModifiedById":"U2","ModifiedDate":"1700000000001"}}}`: {
			Gsid: "G1", Parents: map[string]string{"RelationshipId": "R1"}, UserID: "U2", ServerTime: time.UnixMilli(1700000000001).UTC()},
		`{"result":true,"data":{"record":{"Gsid":"G1","OpportunityId":"O1","createdBy":"U3","createdAt":1.7e12}}}`: {
			Gsid: "G1", Parents: map[string]string{"OpportunityId": "O1"}, UserID: "U3", ServerTime: time.UnixMilli(1700000000000).UTC()},
		`{"result":true,"data":{"successList":[{"gsid":"G1","modifiedBy":"U4","modifiedAt":1700000000002}]}}`: {
			Gsid: "G1", UserID: "U4", ServerTime: time.UnixMilli(1700000000002).UTC()},
		`{"result":true,"data":{"goal":{"Gsid":"G1","CreatedDate":"soon","ModifiedDate":9e15,"CreatedById":"U 1"}}}`:      {Gsid: "G1"},
		`{"result":true,"data":{"goal":{"Gsid":"G1","ModifiedDate":4503599627370496,"CreatedDate":0}}}`:                   {Gsid: "G1"},
		`{"result":true,"data":{"goal":{"Gsid":"G1","ModifiedDate":-1}}}`:                                                 {Gsid: "G1"},
		`{"result":true,"requestId":"` + strings.Repeat("r", 101) + `","data":{"goal":{"Gsid":"G1"}}}`:                    {Gsid: "G1"},
		`{"result":true,"requestId":"` + strings.Repeat("r", 100) + `","data":{"goal":{"Gsid":"G1"}}}`:                    {Gsid: "G1", RequestID: strings.Repeat("r", 100)},
		`{"result":true,"requestId":"a\u007f","data":{"goal":{"Gsid":"G1"}}}`:                                             {Gsid: "G1"},
		`{"result":true,"requestId":"~!","data":{"goal":{"Gsid":"G1","ModifiedDate":1,"CreatedDate":1.79769313486e308}}}`: {Gsid: "G1", RequestID: "~!", ServerTime: time.UnixMilli(1).UTC()},
	} {
		got := judged(200, body)
		want.Verdict, want.HTTPStatus, want.Recorded = Done, 200, want.ServerTime
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Answer{}, "Listed")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", body, diff)
		}
	}
}

// Where the message of a refusal comes from, and what is taken off it.
func TestJudgeWords(t *testing.T) {
	const uuid = "6ed304d6-f1bf-4bb1-8650-410c1819ef14"
	refused := func(rest string) string { return `{"result":false,"errorCode":"8010"` + rest + `}` }
	for body, want := range map[string]string{
		refused(`,"message":"m","errorDesc":"d","error":"e"`):                                         "m",
		refused(`,"errorDesc":"d","error":"e"`):                                                       "d",
		refused(`,"localizedErrorDesc":"l","error":"e"`):                                              "l",
		refused(`,"error":"e"`):                                                                       "e",
		refused(``):                                                                                   "bad request",
		refused(`,"data":{"failureList":[{"message":"m"}]}`):                                          "m",
		refused(`,"data":{"failureList":[{"errorMessage":"m"}]}`):                                     "m",
		refused(`,"data":{"failureList":[{"errorDesc":"m"}]}`):                                        "m",
		refused(`,"data":{"failureList":[{"reason":"m"}]}`):                                           "m",
		refused(`,"data":{"failureList":[{"error":"m"}]}`):                                            "m",
		refused(`,"data":{"failureList":["m"]}`):                                                      "m",
		refused(`,"message":"m ` + uuid + `"`):                                                        "m",
		refused(`,"message":"m ` + strings.ToUpper(uuid) + `"`):                                       "m",
		refused(`,"message":"` + uuid + `"`):                                                          uuid,
		refused(`,"message":"m ` + strings.Replace(uuid, "-", "+", 1) + `"`):                          "m " + strings.Replace(uuid, "-", "+", 1),
		refused(`,"message":"m ` + strings.Replace(uuid, "6e", "6g", 1) + `"`):                        "m " + strings.Replace(uuid, "6e", "6g", 1),
		refused(`,"message":"m ` + strings.Replace(uuid, "6e", "6@", 1) + `"`):                        "m " + strings.Replace(uuid, "6e", "6@", 1),
		refused(`,"message":"m ` + strings.Repeat("0", 36) + `"`):                                     "m " + strings.Repeat("0", 36),
		refused(`,"message":"m a1234567-aaaa-ffff-AAAA-FFFFFFFFFFFF"`):                                "m",
		refused(`,"requestId":"1234567","message":"m 1234567"`):                                       "m 1234567",
		refused(`,"requestId":"12345678","message":"m 12345678"`):                                     "m",
		refused(`,"requestId":"12345678","message":"12345678 failed"`):                                "failed",
		refused(`,"requestId":"12345678","message":"request-id 12345678"`):                            "",
		refused(`,"requestId":"12345678","message":"m  "`):                                            "m",
		refused(`,"message":"` + strings.Repeat("a", 500) + `"`):                                      strings.Repeat("a", 500),
		refused(`,"message":"` + strings.Repeat("a", 501) + `"`):                                      strings.Repeat("a", 501) + "…",
		refused(`,"message":"a\u0000b\ufffdc"`):                                                       "abc",
		html:                                                                                          "an HTML page came instead of an answer",
		`{"status":400,"error":"Bad Request","exception":"java.lang.X","message":null,"timestamp":1}`: "Bad Request",
	} {
		if got := judged(400, body).Message; got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	for status, redirect := range map[int]bool{299: false, 300: true, 399: true, 400: false} {
		if got := judged(status, refused(`,"message":"m"`)).Message; strings.HasPrefix(got, "redirected") != redirect {
			t.Errorf("status %d: %q", status, got)
		}
	}
	for status, code := range map[int]string{400: "8010", 200: "8011"} {
		body := `{"result":false,"data":{"failureList":[{"errorCode":"8010"}]}}`
		if status == 200 {
			body = `{"result":true,"data":{"failureList":[{"code":"8011"}]}}`
		}
		if a := judged(status, body); a.Code != code {
			t.Errorf("%s: code %q", body, a.Code)
		}
	}
	if a := Judge(Exchange{Sent: true, Status: 429, Body: []byte(refused(`,"message":"slow down"`))}); a.Message != "slow down" {
		t.Errorf("throttled: %q", a.Message)
	}
}

func TestJudgeHeadersByOtherNames(t *testing.T) {
	if a := Judge(Exchange{Sent: true, Status: 500, Header: http.Header{"X-Request-Id": {"r2"}}}); a.RequestID != "r2" {
		t.Errorf("request %q", a.RequestID)
	}
	soon := http.Header{"Retry-After": {time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}}
	if a := Judge(Exchange{Sent: true, Status: 429, Header: soon}); a.RetryAfter < 50*time.Minute || a.RetryAfter > time.Hour {
		t.Errorf("without the server's time: %v", a.RetryAfter)
	}
	if a := Judge(Exchange{Sent: true, Status: 429, Header: http.Header{"Retry-After": {"0"}}}); a.RetryAfter != 0 {
		t.Errorf("Retry-After 0: %v", a.RetryAfter)
	}
	dated := Judge(Exchange{Sent: true, Status: 200, Header: http.Header{"Date": {"Tue, 31 Jan 2023 09:19:17 GMT"}}, Body: []byte(`{"result":true,"data":{"goal":{"Gsid":"G1","CreatedDate":1675156756000}}}`)})
	if dated.ServerTime.UnixMilli() != 1675156757000 || dated.Recorded.UnixMilli() != 1675156756000 {
		t.Errorf("server time %v, recorded %v", dated.ServerTime, dated.Recorded)
	}
	bad := http.Header{"Date": {"yesterday"}}
	if a := Judge(Exchange{Sent: true, Status: 429, Header: bad}); !a.ServerTime.IsZero() {
		t.Errorf("server time %v", a.ServerTime)
	}
}

func TestVerdictsInWords(t *testing.T) {
	want := []string{"verdict 0", "not sent", "fatal", "throttled", "done", "rejected", "in doubt", "verdict 7"}
	for v, word := range want {
		if got := Verdict(v).String(); got != word {
			t.Errorf("%d: %q, want %q", v, got, word)
		}
	}
	broken := errors.New("broken pipe")
	failure := Answer{Verdict: InDoubt, Err: broken}.Failure("fetch goals")
	if got := failure.Error(); got != "fetch goals: in doubt: broken pipe" || !errors.Is(failure, broken) || !errors.Is(failure, ErrInDoubt) {
		t.Errorf("%q", got)
	}
	if errors.Is(failure, ErrRejected) || errors.Is(failure, http.ErrAbortHandler) {
		t.Errorf("%v is what it is not", failure)
	}
}

func TestRefusedFieldsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		verdict Verdict
		message string
		want    []string
	}{
		{Rejected, "Invalid fields in select clause - Gsd", []string{"Gsd"}},
		{Rejected, "Select Clause: ['a', \"b\" ,, c].", []string{"a", "b", "c"}},
		{Rejected, "select clause", nil},
		{Rejected, "Invalid fields in where clause - Gsd", nil},
		{InDoubt, "Invalid fields in select clause - Gsd", nil},
		{InDoubt, "no", nil},
	} {
		e := &Error{Answer: Answer{Verdict: tt.verdict, Message: tt.message}}
		if got := e.RefusedFields(); !slices.Equal(got, tt.want) {
			t.Errorf("%v %q: got %q, want %q", tt.verdict, tt.message, got, tt.want)
		}
	}
}
