package gainsight

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fetched is the answer to a fetch as the specification shows it, shortened to two records.
const fetched = `{"result":true,"errorCode":null,"errorDesc":null,"localizedErrorDesc":null,"requestId":"be36383b-41aa-414b-b078-b4842b926319","data":{"recordList":[
{"dataList":{"CurrencyIsoCode":"USD","DueDate":"2025-01-30","Gsid":"1CG0LXVS2HO4Y5ZF1F6YYCF1TN6O5RCW2ZTO","Name":"barca_template","CreatedDate":1738244376863,"Description":null,"cust__gc":"h\u00e9llo"},"associatedCTAs":[],"associatedSPs":[{"gsid":"1S02JJSBDT2ZT78W7NL2NR8BXMXALV76JBSC","name":"barca_sp","entityType":"COMPANY","closedCtaCount":null}]},
{"dataList":{"Gsid":"1CG0LXVS2HO4Y5ZF1FJINHVV1BOPDPEGV3J4","Name":"Barca custom goal "},"associatedCTAs":null}]},"message":null,"localizedMessage":null}`

func TestFetchPage(t *testing.T) {
	var body string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = r.Method + " " + r.URL.Path + " " + string(text)
		w.Header().Set("Date", "Tue, 31 Jan 2023 09:19:17 GMT")
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		_, _ = io.WriteString(zip, fetched)
		_ = zip.Close()
	})
	c := newTestClient(t, s.URL, nil)
	page, err := c.FetchPage(t.Context(), Query{
		Select: []string{"Name", "Gsid", "StatusId", "cust_string_value__gc", "CurrencyIsoCode"},
		Where: []Condition{
			{Field: "Name", Operator: "STARTS_WITH", Values: []Value{String("barca")}},
			{Field: "Name", Operator: "CONTAINS", Values: []Value{String("b")}},
		},
	}, 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	request, sent, _ := strings.Cut(body, " {")
	if request != "POST /v1/csgoal/external/fetch" {
		t.Errorf("sent %s", request)
	}
	sameJSON(t, []byte("{"+sent), []byte(`{"select":["Name","Gsid","StatusId","cust_string_value__gc","CurrencyIsoCode"],
"where":{"conditions":[{"fieldName":"Name","value":["barca"],"alias":"A","operator":"STARTS_WITH"},{"fieldName":"Name","value":["b"],"alias":"B","operator":"CONTAINS"}],"expression":"A AND B"},
"pageSize":10,"pageNumber":1}`))
	if len(page.Goals) != 2 || page.ServerTime.Unix() != 1675156757 {
		t.Fatalf("got %+v", page)
	}
	first := page.Goals[0].Clone()
	got := []string{first.Gsid, first.Text("Name"), first.Text("CreatedDate"), first.Text("cust__gc"), first.Text("Description"), first.Text("None"), page.Goals[1].Text("Name")}
	want := []string{"1CG0LXVS2HO4Y5ZF1F6YYCF1TN6O5RCW2ZTO", "barca_template", "1738244376863", "héllo", "", "", "Barca custom goal "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"1S02JJSBDT2ZT78W7NL2NR8BXMXALV76JBSC"}, first.SPIDs()); diff != "" || first.CTAIDs() != nil {
		t.Error(diff, first.CTAIDs())
	}
}

// fetchedTemplates is the answer to a fetch of templates as the specification shows it.
const fetchedTemplates = `{
    "recordList": [
        {
            "CreatedDate": 1738244376863,
            "CurrencyIsoCode": "USD",
            "DueDate": 0,
            "GoalTypeId": "1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII",
            "Gsid": "1CG01SX5TCMHZ0OXX0IXL1HYTPDCJ26XEY8N",
            "Name": "barca_template",
            "StatusId": "1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z",
            "cust_string_value__gc": "hello"
        }
    ]
}`

func TestFetchOfTemplates(t *testing.T) {
	var body string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		body = r.Method + " " + r.URL.Path + " " + string(text)
		_, _ = io.WriteString(w, fetchedTemplates)
	})
	c := newTestClient(t, s.URL, nil)
	w := c.Walk(Query{
		Object: TemplateObject, PageSize: 10, Expression: "A AND B",
		Select: []string{"Name", "Gsid", "StatusId", "cust_string_value__gc", "CurrencyIsoCode"},
		Where: []Condition{
			{Field: "Name", Operator: "STARTS_WITH", Values: []Value{String("barca")}},
			{Field: "Name", Operator: "CONTAINS", Values: []Value{String("b")}},
		},
	})
	var got []string
	for g, err := range w.Goals(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"CreatedDate", "CurrencyIsoCode", "DueDate", "GoalTypeId", "Gsid", "Name", "StatusId", "cust_string_value__gc", "Description"} {
			got = append(got, g.Text(name))
		}
	}
	want := []string{"1738244376863", "USD", "0", "1I00GO4Q83RGDEM94YUKVBH3OA6UU7RGBRII", "1CG01SX5TCMHZ0OXX0IXL1HYTPDCJ26XEY8N", "barca_template", "1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z", "hello", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	request, sent, _ := strings.Cut(body, " {")
	if request != "POST /v1/csgoal/external/template/fetch" {
		t.Errorf("sent %s", request)
	}
	sameJSON(t, []byte("{"+sent), []byte(`{
    "select": ["Name", "Gsid", "StatusId", "cust_string_value__gc", "CurrencyIsoCode"],
    "where": {
    "conditions": [
      {"fieldName": "Name", "value": ["barca"], "alias": "A", "operator": "STARTS_WITH"},
      {"fieldName": "Name", "value": ["b"], "alias": "B", "operator": "CONTAINS"}
    ],
    "expression": "A AND B"
  },
    "pageSize": 10,
    "pageNumber": 1
}`))
	if r := w.Report(); !r.Proved || r.Calls != 1 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(map[string]int{"templates.fetch": 1}, c.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestFetchAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		goals  int
		is     error
	}{
		"no data code":   {400, `{"result":false,"errorCode":"GSOBJ_1011","message":"x"}`, 0, nil},
		"no data text":   {500, `{"timestamp":1,"status":500,"exception":"a.CSGoalException","message":"No data found","path":"/"}`, 0, nil},
		"no data, 500":   {500, `{"result":false,"errorCode":"GSOBJ_1011","message":"x"}`, 0, nil},
		"empty":          {200, pageBody, 0, nil},
		"bare and flat":  {200, `{"recordList":[{"Gsid":"G1","Name":"a"},{"Gsid":"G2"}]}`, 2, nil},
		"flat, envelope": {200, `{"result":true,"data":{"recordList":[{"Gsid":"G1","DueDate":0}]}}`, 1, nil},
		"refused field":  {500, `{"timestamp":1675400090192,"status":500,"error":"Internal Server Error","exception":"com.gainsight.cs.goal.exception.CSGoalException","message":"Invalid fields in select clause - Gsd, Nme","path":"/csgoal/external/fetch"}`, 0, ErrRejected},
		"bad key":        {401, ``, 0, ErrKeyRefused},
		"wrong host":     {200, html, 0, ErrWrongHost},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			c := newTestClient(t, s.URL, nil)
			page, err := c.FetchPage(t.Context(), Query{}, 2, 10)
			if len(page.Goals) != tt.goals || !errors.Is(err, tt.is) || calls.Load() != 1 {
				t.Errorf("got %d goals after %d calls, %v", len(page.Goals), calls.Load(), err)
			}
			var failure *Error
			if name == "refused field" && errors.As(err, &failure) {
				if diff := cmp.Diff([]string{"Gsd", "Nme"}, failure.RefusedFields()); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	c := newTestClient(t, "http://127.0.0.1:1", nil)
	if _, err := c.FetchPage(t.Context(), Query{}, 0, 10); err == nil {
		t.Error("page 0 was accepted")
	}
}

func TestFetchWithoutARecordListIsAnError(t *testing.T) {
	for _, body := range []string{`{"result":true}`, `{"result":true,"data":{}}`, `{"result":true,"data":{"recordList":null}}`, `{"result":true,"data":{"recordList":[{"dataList":{"Name":"x"}}]}}`} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
		if _, err := newTestClient(t, s.URL, nil).FetchPage(t.Context(), Query{}, 1, 10); err == nil {
			t.Errorf("%s: accepted", body)
		}
	}
}

// TestReadsRepeatWhatPasses: three failures, then an answer; and never more than four tries.
func TestReadsRepeatWhatPasses(t *testing.T) {
	var calls atomic.Int32
	failures := int32(2)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		switch n := calls.Add(1); {
		case n == 1:
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(429)
		case n <= 1+failures:
			w.WriteHeader(502)
			_, _ = io.WriteString(w, html)
		default:
			_, _ = io.WriteString(w, fetched)
		}
	})
	c := newTestClient(t, s.URL, nil)
	if page, err := c.FetchPage(t.Context(), Query{}, 1, 10); err != nil || len(page.Goals) != 2 || calls.Load() != 4 {
		t.Errorf("got %d goals after %d calls, %v", len(page.Goals), calls.Load(), err)
	}
	calls.Store(0)
	failures = 100
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	if _, err := c.FetchPage(ctx, Query{}, 1, 10); !errors.Is(err, context.DeadlineExceeded) || calls.Load() > 3 {
		t.Errorf("got %v after %d calls", err, calls.Load())
	}
}

// pages serves the pages of a list of Gsids, at most limit in each.
func pages(t *testing.T, gsids []string, limit int, past string) (*Client, *atomic.Int32) {
	t.Helper()
	calls := new(atomic.Int32)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		var size, number int
		_, tail, _ := strings.Cut(string(body), `"pageSize":`)
		_, _ = fmt.Sscanf(tail, `%d,"pageNumber":%d}`, &size, &number)
		size = min(size, limit)
		from := min((number-1)*size, len(gsids))
		if past != "" && from >= len(gsids) && number > 1 {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, past)
			return
		}
		records := make([]string, 0, size)
		for _, id := range gsids[from:min(from+size, len(gsids))] {
			records = append(records, `{"dataList":{"Gsid":"`+id+`"}}`)
		}
		_, _ = io.WriteString(w, `{"result":true,"data":{"recordList":[`+strings.Join(records, ",")+`]}}`)
	})
	return newTestClient(t, s.URL, nil), calls
}

func numbered(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("1CG0%032d", i)
	}
	return ids
}

func TestGoalsWalksAllPages(t *testing.T) {
	const invalidPage = `{"result":false,"errorCode":"8007","message":"Invalid page request"}`
	for _, tt := range []struct {
		name                string
		goals, limit, asked int
		past                string
		calls               int32
	}{
		{"none", 0, 1000, 0, "", 1},
		{"one short page", 7, 1000, 0, "", 1},
		{"three pages that overlap", 25, 1000, 9, "", 4},
		{"a full last page", 20, 1000, 10, "", 3},
		{"a full last page, then 8007", 20, 1000, 10, invalidPage, 3},
		{"a round number", 50, 1000, 0, "", 2},
		{"a round number, then 8007", 50, 1000, 0, invalidPage, 2},
		{"smaller pages than asked for", 250, 100, 0, "", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ids := numbered(tt.goals)
			c, calls := pages(t, ids, tt.limit, tt.past)
			var got []string
			for g, err := range c.Goals(t.Context(), Query{PageSize: tt.asked}) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, g.Gsid)
			}
			if diff := cmp.Diff(ids, append([]string{}, got...)); diff != "" || calls.Load() != tt.calls {
				t.Errorf("%d calls, want %d; %s", calls.Load(), tt.calls, diff)
			}
		})
	}
}
