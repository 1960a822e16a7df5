package gainsight

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	typeA   = "1I00GO4Q83RGDEM94YVKZHCWLIHJNZ6NBPWE"
	typeB   = "1I00GO4Q83RGDEM94YFZF1JII9BB5FOAUPUA"
	status1 = "1I005IUOFEZ24SJ62ZSP4PI1BZX88VUL4V1Z"
	status2 = "1I005IUOFEZ24SJ62ZSUKB6C3WN620DSIBYT"
	metric1 = "1I0056K976K5AXWOB1XICUZ6DNSP6MZDCWNQ"
)

// sampleMetric is a metric as "Metric Create API" of the specification shows it.
const sampleMetric = `{
                "createdAt": 1738570023841,
                "deleted": false,
                "modifiedAt": 1738570023841,
                "createdBy": "1P01J0CQPQSRP90S3XREZGN79WR84S54PAPT",
                "modifiedBy": "1P01J0CQPQSRP90S3XREZGN79WR84S54PAPT",
                "name": "Metric Name 1",
                "description": "<p>description</p>",
                "unitOfMeasure": "DECIMAL",
                "displayOrder": 2658,
                "externalId": null,
                "active": true,
                "systemDefined": false,
                "gsid": "1I0056K976K5AXWOB1PGJTG9R7V2KYR0KBHZ"
            }`

func typesAnswer(childIDs, children, metrics string) string {
	item := func(gsid, name string, order int, child, entity string) string {
		return fmt.Sprintf(`{"gsid":%q,"name":%q,"color":"#98E7B1","picklistCategory":"GOAL_TYPE","displayOrder":%d,"active":true,"openStatusType":false,"associationDetails":{"autoAssignFutureAssociationIds":true,"associationCategory":"ENTITY","associationIds":[%q]},"childPicklistIds":%s}`,
			gsid, name, order, entity, child)
	}
	return `{"result":true,"data":{"picklists":[` + item(typeA, "Stage ", 4, childIDs, "COMPANY") + "," + item(typeB, "new", 3, "{}", "ALL_ENTITY") +
		`],"childPicklists":` + children + `,"metrics":` + metrics + `},"message":null}`
}

const statusesAnswer = `{"result":true,"data":{"picklists":[{"gsid":"` + status1 + `","name":"New","active":true,"displayOrder":1},{"gsid":"` + status2 + `","name":"Old","active":false,"displayOrder":2}],"childPicklists":null,"metrics":null}}`

// picklistServer answers by category and notes what it was asked.
func picklistServer(t *testing.T, types string, methods string) (*Client, *[]string) {
	t.Helper()
	asked := new([]string)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		category := "GOAL_TYPE"
		if strings.Contains(string(body), "GOAL_STATUS") {
			category = "GOAL_STATUS"
		}
		*asked = append(*asked, r.Method+" "+category)
		switch {
		case !strings.Contains(methods, r.Method):
			w.WriteHeader(405)
		case category == "GOAL_STATUS":
			_, _ = io.WriteString(w, statusesAnswer)
		default:
			_, _ = io.WriteString(w, types)
		}
	})
	return newTestClient(t, s.URL, nil), asked
}

func TestPicklistsAreDecodedLeniently(t *testing.T) {
	statuses := []Status{{status1, "New", true}, {status2, "Old", false}}
	plain := GoalType{Gsid: typeB, Name: "new", Active: true, EntityIDs: []string{"ALL_ENTITY"}}
	stage := GoalType{Gsid: typeA, Name: "Stage ", Active: true, EntityIDs: []string{"COMPANY"}}
	linked := stage
	linked.StatusIDs, linked.Linked = []string{status1, status2}, true
	const m = `{"gsid":"` + metric1 + `","name":"Adoption","unitOfMeasure":"DECIMAL","active":true}`
	metrics := []Metric{{metric1, "Adoption", "DECIMAL", true, ""}}
	measured := stage
	measured.MetricIDs, measured.MetricsLinked = []string{metric1}, true
	for name, tt := range map[string]struct {
		childIDs, children, metrics string
		want                        Picklists
	}{
		"as in the specification": {"{}", "[]", "null", Picklists{[]GoalType{plain, stage}, statuses, nil}},
		"null":                    {"null", "null", "null", Picklists{[]GoalType{plain, stage}, statuses, nil}},
		"list of ids":             {`["` + status1 + `","` + status2 + `"]`, "[]", "[]", Picklists{[]GoalType{plain, linked}, statuses, nil}},
		"ids by category":         {`{"GOAL_STATUS":["` + status1 + `","` + status2 + `"]}`, "{}", "{}", Picklists{[]GoalType{plain, linked}, statuses, nil}},
		"ids as keys":             {`{"` + status1 + `":true,"` + status2 + `":{"name":"Old"}}`, "[]", "null", Picklists{[]GoalType{plain, linked}, statuses, nil}},
		"objects":                 {`[{"gsid":"` + status1 + `"},{"id":"` + status2 + `"}]`, `{"GOAL_STATUS":[{"gsid":"` + status1 + `","name":"New","displayOrder":1}]}`, "null", Picklists{[]GoalType{plain, linked}, statuses, nil}},
		"metrics in a list":       {"{}", "[]", "[" + m + "]", Picklists{[]GoalType{plain, stage}, statuses, metrics}},
		"metrics by id":           {"{}", "[]", `{"` + metric1 + `":` + m + `}`, Picklists{[]GoalType{plain, stage}, statuses, metrics}},
		"metrics that list types": {"{}", "[]", `[{"gsid":"` + metric1 + `","name":"Adoption","description":null,"unitOfMeasure":"DECIMAL","active":true,"goalTypeIds":["` + typeA + `"]}]`, Picklists{[]GoalType{plain, measured}, statuses, metrics}},
		"metrics with types":      {"{}", "[]", `[{"gsid":"` + metric1 + `","name":"Adoption","unitOfMeasure":"DECIMAL","goalTypes":[{"gsid":"` + typeA + `","name":"Stage "}]}]`, Picklists{[]GoalType{plain, measured}, statuses, metrics}},
		"a metric of the page":    {"{}", "[]", "[" + sampleMetric + "]", Picklists{[]GoalType{plain, stage}, statuses, []Metric{{"1I0056K976K5AXWOB1PGJTG9R7V2KYR0KBHZ", "Metric Name 1", "DECIMAL", true, "<p>description</p>"}}}},
		"metrics by goal type":    {"{}", "[]", `{"` + typeA + `":[` + m + `]}`, Picklists{[]GoalType{plain, measured}, statuses, metrics}},
		"odd types":               {"7", `"x"`, `[1,"x",{"gsid":"` + metric1 + `","name":"Adoption","unitOfMeasure":"DECIMAL","displayOrder":"9"}]`, Picklists{[]GoalType{plain, stage}, statuses, metrics}},
	} {
		t.Run(name, func(t *testing.T) {
			c, asked := picklistServer(t, typesAnswer(tt.childIDs, tt.children, tt.metrics), "POST")
			got, err := c.Picklists(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"POST GOAL_TYPE", "POST GOAL_STATUS"}, *asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPicklistMethodIsFoundOnceAndRemembered(t *testing.T) {
	c, asked := picklistServer(t, typesAnswer("{}", "[]", "null"), "GET")
	for range 2 {
		if _, err := c.Picklists(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff("POST GOAL_TYPE,GET GOAL_TYPE,GET GOAL_STATUS,GET GOAL_TYPE,GET GOAL_STATUS", strings.Join(*asked, ",")); diff != "" {
		t.Error(diff)
	}
	c, asked = picklistServer(t, "", "none")
	if _, err := c.Picklists(t.Context()); !errors.Is(err, ErrWrongHost) || len(*asked) != 2 {
		t.Errorf("got %v after %q", err, *asked)
	}
	for _, method := range []string{"GET", "POST"} {
		other, asked := picklistServer(t, typesAnswer("{}", "[]", "null"), "none")
		fixed := newTestClient(t, other.BaseURL(), func(cfg *Config) { cfg.PicklistMethod = method })
		if _, err := fixed.Picklists(t.Context()); err == nil || strings.Join(*asked, ",") != method+" GOAL_TYPE" {
			t.Errorf("%s: got %v after %q", method, err, *asked)
		}
	}
}

func TestPicklistsHash(t *testing.T) {
	one := Picklists{
		GoalTypes: []GoalType{{Gsid: "t", Name: "T", StatusIDs: []string{"a", "b"}, Linked: true}, {Gsid: "u", Name: "U"}},
		Statuses:  []Status{{"a", "A", true}, {"b", "B", false}},
		Metrics:   []Metric{{"m", "M", "DECIMAL", true, ""}},
	}
	same := Picklists{
		GoalTypes: []GoalType{{Gsid: "u", Name: "U"}, {Gsid: "t", Name: "T", StatusIDs: []string{"b", "a", "b"}, Linked: true}},
		Statuses:  []Status{{"b", "B", false}, {"a", "A", true}},
		Metrics:   []Metric{{"m", "M", "DECIMAL", true, ""}},
	}
	if one.Hash() != same.Hash() || len(one.Hash()) != 64 {
		t.Errorf("order matters: %s, %s", one.Hash(), same.Hash())
	}
	for name, change := range map[string]func(*Picklists){
		"status name":   func(p *Picklists) { p.Statuses[0].Name = "B " },
		"status active": func(p *Picklists) { p.Statuses[0].Active = !p.Statuses[0].Active },
		"metric unit":   func(p *Picklists) { p.Metrics[0].UnitOfMeasure = "" },
		"linkage":       func(p *Picklists) { p.GoalTypes[1].StatusIDs = []string{"a"} },
		"entities":      func(p *Picklists) { p.GoalTypes[0].EntityIDs = []string{"COMPANY"} },
	} {
		before := same.Hash()
		change(&same)
		if same.Hash() == before {
			t.Errorf("%s does not change the hash", name)
		}
	}
	if (&Picklists{}).Hash() == one.Hash() {
		t.Error("empty picklists have the hash of others")
	}
}
