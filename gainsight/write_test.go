package gainsight

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// wrote makes one write at a server with this answer, and words what became of
// each item.
func wrote(t *testing.T, w Write, status int, answer string) []string {
	t.Helper()
	s := serve(t, func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, answer)
	})
	var out []string
	for _, a := range newTestClient(t, s.URL, nil).Write(t.Context(), nil, w) {
		text := a.Verdict.String()
		for _, part := range []string{a.Gsid, a.Code, a.Message} {
			if part != "" {
				text += " " + part
			}
		}
		if a.Whole {
			text += " (whole)"
		}
		out = append(out, text)
	}
	return out
}

func items(texts ...string) (list [][]byte) {
	for _, text := range texts {
		list = append(list, []byte(text))
	}
	return list
}

// Elements are as in the specification's "Sample Success Response" of
// templates and metrics; those of failureList are shown nowhere.
func TestWriteAnswersForEachItem(t *testing.T) {
	const (
		g1, g2, g3 = "1CG0GG9WM1TYAFSKZSMV3RW0VHC0FYIC4GE1", "1CG0GG9WM1TYAFSKZSMV3RW0VHC0FYIC4GE2", "1CG0GG9WM1TYAFSKZSMV3RW0VHC0FYIC4GE3"
	)
	creates := Write{Object: TemplateObject, Action: "create", Items: items(`{"record":{"Name":"A"}}`, `{"record":{"Name":"B","DueDate":1}}`, `{"record":{"Name":"C"}}`)}
	updates := Write{Object: MetricObject, Action: "update", Items: items(`{"record":{"gsid":"`+g1+`","name":"A"}}`, `{"record":{"gsid":"`+g2+`"},"associateGoalTypes":["x"]}`)}
	deletes := Write{Object: TemplateObject, Action: "delete", Items: items(`"`+g1+`"`, `"`+g2+`"`)}
	lists := func(success, failure string) string {
		return `{"result":true,"data":{"successList":[` + success + `],"failureList":[` + failure + `]}}`
	}
	const unsaid = "in doubt the answer does not say what became of this record (whole)"
	for _, c := range []struct {
		name   string
		w      Write
		status int
		answer string
		want   []string
	}{
		{"all", creates, 200, lists(`{"Name":"B","Gsid":"`+g2+`"},{"Name":"A","Gsid":"`+g1+`"},{"Name":"C","Gsid":"`+g3+`"}`, ``),
			[]string{"done " + g1, "done " + g2, "done " + g3}},
		{"one fails by its record", creates, 200, lists(`{"Name":"A","Gsid":"`+g1+`"},{"Name":"C","Gsid":"`+g3+`"}`, `{"record":{"Name":"B"},"errorCode":"VC_8010","errorMessage":"bad"}`),
			[]string{"done " + g1, "rejected VC_8010 bad", "done " + g3}},
		{"one fails without a name", creates, 200, lists(`{"Name":"A","Gsid":"`+g1+`"},{"Name":"C","Gsid":"`+g3+`"}`, `"it is bad"`),
			[]string{"done " + g1, "rejected it is bad", "done " + g3}},
		{"two fail without names", creates, 200, lists(`{"Name":"B","Gsid":"`+g2+`"}`, `{"message":"x"},{"message":"y"}`),
			[]string{"rejected one of: x / y", "done " + g2, "rejected one of: x / y"}},
		{"fewer failures than items are left", creates, 200, lists(`{"Name":"B","Gsid":"`+g2+`"}`, `{"message":"x"}`),
			[]string{unsaid, "done " + g2, unsaid}},
		{"no Gsid", creates, 200, lists(`{"Name":"A","Gsid":"`+g1+`"},{"Name":"B"},{"Name":"C","Gsid":"`+g3+`"}`, ``),
			[]string{"done " + g1, "in doubt the answer names the record and has no Gsid (whole)", "done " + g3}},
		{"a name twice", creates, 200, lists(`{"Name":"A","Gsid":"`+g1+`"},{"Name":"A","Gsid":"`+g2+`"},{"Name":"C","Gsid":"`+g3+`"}`, ``),
			[]string{unsaid, unsaid, "done " + g3}},
		{"nothing listed", creates, 200, lists(``, ``), []string{"in doubt ok (whole)", "in doubt ok (whole)", "in doubt ok (whole)"}},
		{"refused as a whole", creates, 400, `{"result":false,"errorCode":"VC_8010","message":"Invalid status","data":null}`,
			[]string{"rejected VC_8010 Invalid status (whole)", "rejected VC_8010 Invalid status (whole)", "rejected VC_8010 Invalid status (whole)"}},
		{"broken off", creates, 500, `{"result":false,"errorCode":"VC_1002","message":"Unexpected"}`,
			[]string{"in doubt VC_1002 Unexpected (whole)", "in doubt VC_1002 Unexpected (whole)", "in doubt VC_1002 Unexpected (whole)"}},
		{"throttled", creates, 429, `{"result":false,"errorCode":"GU_2400"}`, []string{"throttled GU_2400 too many requests", "throttled GU_2400 too many requests", "throttled GU_2400 too many requests"}},
		{"updates", updates, 200, lists(`{"name":"A","gsid":"`+g1+`"}`, `{"record":{"gsid":"`+g2+`"},"message":"no"}`), []string{"done " + g1, "rejected no"}},
		{"deletes", deletes, 200, `{"result":true,"data":{"failureList":[{"record":"` + g1 + `","errorCode":"VC_8003","errorMessage":"unknown"}],"successList":[{"Deleted":true,"Gsid":"` + g2 + `"}],"success":false,"failCount":1}}`,
			[]string{"rejected VC_8003 unknown", "done " + g2}},
		{"deleted metrics", Write{Object: MetricObject, Action: "delete", Items: deletes.Items}, 200, `{"result":true,"data":{"deletedMetrics":[{"deleted":true,"gsid":"` + g1 + `"},{"deleted":true,"gsid":"` + g2 + `"}]}}`,
			[]string{"done " + g1, "done " + g2}},
		{"one item alone", Write{Object: MetricObject, Action: "create", Items: items(`{"record":{"name":"A"}}`)}, 200, lists(`{"name":"another","gsid":"`+g1+`"}`, ``), []string{"done " + g1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, wrote(t, c.w, c.status, c.answer)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A metric in use is told of with its users.
func TestUsageInWords(t *testing.T) {
	var goals []string
	for i := range 7 {
		goals = append(goals, fmt.Sprintf(`{"gsid":"G%d","name":"n%d"}`, i, i))
	}
	got := wrote(t, Write{Object: MetricObject, Action: "delete", Items: items(`"X"`)}, 400,
		`{"result":false,"errorCode":"VC_8026","message":"In use.","errorInfo":{"usageInLayouts":["CP Goal Type"],"usageInGoals":[`+strings.Join(goals, ",")+`],"hasUsage":true}}`)
	want := `rejected VC_8026 In use. Used by 7 goals or templates: "n0" (G0), "n1" (G1), "n2" (G2), "n3" (G3), "n4" (G4) and 2 more; in the layouts of 1 goal type: "CP Goal Type"`
	if got[0] != want {
		t.Errorf("%s\nwant %s", got[0], want)
	}
}

// The metric paths are tried with /v1, and once without; which one worked is
// remembered.
func TestMetricPathsWithoutVersion(t *testing.T) {
	var paths []string
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.Method+" "+r.URL.Path)
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"result":false,"errorCode":"GS_APIG_1000","errorDesc":"no route"}`)
			return
		}
		_, _ = io.WriteString(w, `{"result":true,"data":{"successList":[{"gsid":"1I0056K976K5AXWOB1PGJTG9R7V2KYR0KBHZ"}],"failureList":[]}}`)
	})
	c := newTestClient(t, s.URL, nil)
	for _, action := range []string{"create", "update", "delete"} {
		if a := c.Write(t.Context(), nil, Write{Object: MetricObject, Action: action, Items: items(`{"record":{"name":"A"}}`)}); a[0].Verdict != Done {
			t.Errorf("%s: %+v", action, a)
		}
	}
	if a := c.Write(t.Context(), nil, Write{Object: TemplateObject, Action: "create", Items: items(`{"record":{"Name":"A"}}`)}); a[0].Verdict != Fatal {
		t.Errorf("a template: %+v", a)
	}
	want := []string{"POST /v1/csgoal/external/metric/", "POST /csgoal/external/metric/", "PUT /csgoal/external/metric/", "DELETE /csgoal/external/metrics", "POST /v1/csgoal/external/template"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Error(diff)
	}
}

// The picklist lists metrics; conditions and pages are cut out of it here.
func TestMetricsAreReadFromThePicklist(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"result":true,"data":{"picklists":[{"gsid":"1I00GO4Q83RGDEM94Y417YFL8IB9L9R5WO99","name":"Default","metricIds":["M2"]}],"childPicklists":[],"metrics":[
			{"gsid":"M2","name":"Two","unitOfMeasure":"DECIMAL","createdAt":5,"modifiedAt":7,"createdBy":"U","externalId":null,"goalTypeIds":["T9"]},
			{"gsid":"M1","name":"One","unitOfMeasure":"PERCENTAGE","modifiedAt":9},{"gsid":"M3","name":"two"}]}}`)
	})
	c := newTestClient(t, s.URL, nil)
	read := func(q Query, page, size int) (found []string) {
		t.Helper()
		q.Object = MetricObject
		got, err := c.FetchPage(t.Context(), q, page, size)
		if err != nil {
			return []string{err.Error()}
		}
		for _, g := range got.Goals {
			found = append(found, strings.Join([]string{g.Gsid, g.Text("Name"), g.Text("unitOfMeasure"), g.Text("CreatedDate"), g.Text("ModifiedDate"), g.Text("CreatedById"), string(g.Fields["associateGoalTypes"])}, " "))
		}
		return found
	}
	m1, m2, m3 := "M1 One PERCENTAGE  9  []", `M2 Two DECIMAL 5 7 U ["1I00GO4Q83RGDEM94Y417YFL8IB9L9R5WO99","T9"]`, "M3 two     []"
	where := func(field, operator, value string) Query {
		return Query{Where: []Condition{{Field: field, Operator: operator, Values: []Value{String(value)}}}}
	}
	for _, c := range []struct {
		got  []string
		want []string
	}{
		{read(Query{}, 1, 10), []string{m1, m2, m3}},
		{read(Query{}, 2, 2), []string{m3}},
		{read(Query{}, 3, 2), nil},
		{read(where("Name", "EQ", "TWO"), 1, 10), []string{m2, m3}},
		{read(where("Gsid", "EQ", "M1"), 1, 10), []string{m1}},
		{read(where("ModifiedDate", "GTE", "8"), 1, 10), []string{m1}},
		{read(where("Name", "CONTAINS", "o"), 1, 10), []string{"metrics by Name CONTAINS: the tenant lists all metrics, and only EQ and GTE choose among them"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Error(diff)
		}
	}
}
