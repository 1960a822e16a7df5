package emulator

import (
	"fmt"
	"strings"
	"testing"
)

const exceptionClass = `"exception":"com.gainsight.cs.goal.exception.CSGoalException"`

func TestRefusals(t *testing.T) {
	lookup := func(object, multi, none string) string {
		return `,"lookups":{"CompanyId":{"fields":{"CompanyName":"Name"},"lookupField":"Gsid","objectName":"` + object +
			`","multiMatchOption":"` + multi + `","onNoMatch":"` + none + `"}}`
	}
	named := func(company, lookups string) string {
		return `{"requests":[{"record":{"Name":"n","StatusName":"New","EntityType":"COMPANY","CompanyName":"` + company + `"}}]` + lookups + `}`
	}
	good := goalBody("n", "")
	linked := func(association string) string {
		return strings.Replace(good, `}}]}`, `},"association":`+association+`}]}`, 1)
	}
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"bad status", strings.Replace(good, `"New"`, `"Nwe"`, 1), 500, exceptionClass + `,"message":"Invalid StatusName provided in request","path":"/csgoal/external/create"`},
		{"inactive status", strings.Replace(good, `"New"`, `"Abandoned"`, 1), 500, exceptionClass},
		{"status with a blank", strings.Replace(good, `"New"`, `"New "`, 1), 500, exceptionClass},
		{"status of another goal type", goalBody("n", `,"GoalTypeName":"Renewal"`), 500, exceptionClass},
		{"inactive goal type", goalBody("n", `,"GoalTypeName":"Legacy Outcomes"`), 500, `Invalid goal type`},
		{"no name", strings.Replace(good, `"Name":"n"`, `"Name":" "`, 1), 500, `Name cannot be empty`},
		{"name is a number", strings.Replace(good, `"Name":"n"`, `"Name":7`, 1), 500, `Name is no text`},
		{"bad entity type", strings.Replace(good, `COMPANY`, `PLANET`, 1), 500, `Invalid EntityType`},
		{"parent missing", strings.Replace(good, `COMPANY`, `RELATIONSHIP`, 1), 500, `RelationshipId cannot be empty`},
		{"parent unknown", strings.Replace(good, ibm, ibm[:35]+"Z", 1), 500, `Invalid CompanyId`},
		{"bad date", goalBody("n", `,"DueDate":"2025-02-30"`), 500, `Invalid DueDate`},
		{"days for a date", goalBody("n", `,"DueDate":30`), 500, `Invalid DueDate`},
		{"unknown custom field", goalBody("n", `,"nosuch__gc":"x"`), 500, `Invalid field in record - nosuch__gc`},
		{"unknown key", goalBody("n", `,"CompanyNme":"x"`), 500, `Invalid field in record - CompanyNme`},
		{"read-only key", goalBody("n", `,"CreatedDate":1`), 500, `read-only - CreatedDate`},
		{"bad picklist value", goalBody("n", `,"cf_picklist__gc":"NOKIA"`), 500, `Invalid value for field cf_picklist__gc`},
		{"text for a number", goalBody("n", `,"cust_number__gc":"12"`), 500, `Invalid value for field cust_number__gc`},
		{"unknown metric", goalBody("n", `,"metricsAssociation":[{"metricId":"x"}]`), 500, `Invalid metric`},
		{"script", goalBody("n", `,"Description":"<SCRIPT>x"`), 500, `Description contains a script`},
		{"empty CTA list", linked(`{"CTA":[]}`), 400, `"errorCode":"VC_8001"`},
		{"empty SP list", linked(`{"SP":[]}`), 400, `"errorCode":"VC_8002"`},
		{"unknown CTA", linked(`{"CTA":["x"]}`), 500, `Invalid CTA Gsid`},
		{"two goals", strings.Replace(good, `}}]`, `}},{"record":{}}]`, 1), 500, `Only one goal`},
		{"no requests", `{}`, 500, `requests is missing`},
		{"empty requests", `{"requests":[]}`, 500, `requests is empty`},
		{"unknown object", named("IBM", lookup("firm", "FIRSTMATCH", "ERROR")), 400, `"errorCode":"VC_8008"`},
		{"no match", named("IBN", lookup("company", "FIRSTMATCH", "ERROR")), 400, `"errorCode":"VC_8008"`},
		{"name with a blank", named("IBM ", lookup("company", "FIRSTMATCH", "ERROR")), 400, `"errorCode":"VC_8008"`},
		{"namesakes", named("Acme Corporation", lookup("company", "MARKASERROR", "ERROR")), 400, `"errorCode":"VC_8008"`},
		{"null parent", named("IBN", lookup("company", "FIRSTMATCH", "NULLABLE")), 500, `CompanyId cannot be empty`},
		{"bad option", named("IBM", lookup("company", "LASTMATCH", "ERROR")), 400, `"errorCode":"VC_8008"`},
		{"name without lookup", named("IBM", ""), 500, `Invalid field in record - CompanyName`},
		{"comment", `{"requests":[] // no
		}`, 400, `"error":"Bad Request"`},
		{"trailing comma", `{"requests":[],}`, 400, `"error":"Bad Request"`},
		{"no body", ``, 400, `"error":"Bad Request"`},
		{"no UTF-8", "{\"requests\":\"\xff\"}", 400, `invalid UTF-8`},
		{"too large", `{"requests":"` + strings.Repeat("x", maxBody) + `"}`, 413, `exceeds`},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenant := newTenant(t, "")
			status, answer := ask(t, tenant, "POST", createPath, c.body)
			if status != c.status || !strings.Contains(answer, c.want) {
				t.Errorf("%d %s\nwant %d %s", status, answer, c.status, c.want)
			}
			if n := tenant.State().Created; n != 0 {
				t.Errorf("%d goals created", n)
			}
		})
	}
}

func TestTableStyle(t *testing.T) {
	tenant := newTenant(t, "errors=table")
	for body, code := range map[string]string{
		strings.Replace(goalBody("n", ""), `"New"`, `"x"`, 1):                         `"errorCode":"8010"`,
		strings.Replace(goalBody("n", ""), `}}]}`, `},"association":{"SP":[]}}]}`, 1): `"errorCode":"8002"`,
	} {
		if status, answer := ask(t, tenant, "POST", createPath, body); status != 400 || !strings.Contains(answer, code) {
			t.Errorf("%d %s: want %s", status, answer, code)
		}
	}
	if status, answer := ask(t, tenant, "POST", fetchPath, `{"select":["Gsd"]}`); status != 400 || !strings.Contains(answer, `"errorCode":"8009"`) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestFetchRefusals(t *testing.T) {
	tenant := newTenant(t, "")
	for body, want := range map[string]string{
		`{"select":["Gsd"]}`:                   `"message":"Invalid fields in select clause - Gsd","path":"/csgoal/external/fetch"`,
		`{"select":[]}`:                        exceptionClass,
		`{"select":["Name"],"pageSize":0}`:     `"errorCode":"VC_8007"`,
		`{"select":["Name"],"pageSize":1001}`:  `"errorCode":"VC_8007"`,
		`{"select":["Name"],"pageNumber":0}`:   `"errorCode":"VC_8007"`,
		`{"select":["Name"],"pageNumber":1.5}`: `"errorCode":"VC_8007"`,
		`{"select":["Name"],"where":{"conditions":[{"fieldName":"Nme","alias":"A","operator":"EQ","value":["x"]}],"expression":"A"}}`: `Invalid fields in where clause - Nme`,
	} {
		if status, answer := ask(t, tenant, "POST", fetchPath, body); status < 400 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s: want %s", body, status, answer, want)
		}
	}
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct {
		settings, method, path string
		status                 int
		want                   string
	}{
		{"", "POST", "/v1/csgoal/external/nothing", 404, "GS_APIG_1000"},
		{"", "POST", "/csgoal/external/create", 404, "GS_APIG_1000"},
		{"", "GET", createPath, 405, `"status":405`},
		{"", "PATCH", templatePath, 405, `"status":405`},
		{"", "GET", picklistPath, 200, `"picklists"`},
		{"picklist.method=post", "GET", picklistPath, 405, `"status":405`},
		{"picklist.method=get", "POST", picklistPath, 405, `"status":405`},
		{"", "POST", "/v1/csgoal/external/metric", 500, "requests is missing"},
		{"strict", "POST", "/v1/csgoal/external/metric/", 404, "GS_APIG_1000"},
		{"strict", "POST", metricPath, 500, "requests is missing"},
		{"empty_page=error", "POST", fetchPath, 500, "select clause"},
	} {
		status, answer := ask(t, newTenant(t, c.settings), c.method, c.path, `{}`)
		if status != c.status || !strings.Contains(answer, c.want) {
			t.Errorf("%s %s (%s): %d %s", c.method, c.path, c.settings, status, answer)
		}
	}
}

func TestLookups(t *testing.T) {
	tenant := newTenant(t, "")
	rel := tenant.seeds.relationships[5] // its name repeats
	opp := tenant.seeds.opportunities[3]
	body := func(record, lookups string) string {
		return `{"requests":[{"record":{"Name":"n","StatusName":"new",` + record + `}}],"lookups":{` + lookups + `}}`
	}
	one := func(target, fields, object, options string) string {
		return fmt.Sprintf(`%q:{"fields":{%s},"lookupField":"Gsid","objectName":%q,%s}`, target, fields, object, options)
	}
	const first, mark = `"multiMatchOption":"FIRSTMATCH","onNoMatch":"ERROR"`, `"multiMatchOption":"MARKASERROR","onNoMatch":"ERROR"`
	for _, c := range []struct{ name, body, want string }{
		{"two fields", body(`"EntityType":"RELATIONSHIP","R":`+quote(rel.name)+`,"C":`+quote(rel.company.name),
			one("RelationshipId", `"R":"Name","C":"CompanyName"`, "relationship", mark)), `"RelationshipId":"` + rel.gsid},
		{"opportunity", body(`"EntityType":"OPPORTUNITY","O":`+quote(strings.ToUpper(opp.name)), one("OpportunityId", `"O":"Name"`, "opportunity", mark)), `"OpportunityId":"` + opp.gsid},
		{"first of namesakes", body(`"EntityType":"COMPANY","C":"acme corporation"`, one("CompanyId", `"C":"Name"`, "company", first)), `"CompanyId":"` + seedGsid(companyPrefix, "company", "Acme Corporation")},
		{"trailing blank", body(`"EntityType":"COMPANY","C":"Northwind Traders "`, one("CompanyId", `"C":"Name"`, "company", mark)), `"CompanyId"`},
		{"custom field", body(`"EntityType":"GLOBAL","C":"Meta"`, one("comp_lookup_gsid__gc", `"C":"Name"`, "company", mark)), `"comp_lookup_gsid__gc":"1P029JPET0U4HYGEAU5VBVM5IZ9G6MFOG1OT"`},
		{"default", body(`"EntityType":"COMPANY","C":"nobody"`, one("CompanyId", `"C":"Name"`, "company",
			`"multiMatchOption":"MARKASERROR","onNoMatch":"DEFAULTVALUE","defaultValue":"`+ibm+`"`)), `"CompanyId":"` + ibm},
		{"null", body(`"EntityType":"GLOBAL","C":"nobody"`, one("CompanyId", `"C":"Name"`, "company", `"multiMatchOption":"MARKASERROR","onNoMatch":"NULLABLE"`)), `"EntityType":"GLOBAL"`},
	} {
		if status, answer := ask(t, tenant, "POST", createPath, c.body); status != 200 || !strings.Contains(answer, c.want) {
			t.Errorf("%s: %d %s\nwant %s", c.name, status, answer, c.want)
		}
	}
}

func TestUpdateLeavesAbsentKeysAndClearsNulls(t *testing.T) {
	tenant := newTenant(t, "")
	gsid := mustCreate(t, tenant, "kept", `,"DueDate":"2025-05-01","Description":"d","cust_string_value__gc":"c","cust_number__gc":1.50`)
	update := func(record string) (int, string) {
		return ask(t, tenant, "PUT", updatePath, `{"requests":[{"record":{"Gsid":"`+gsid+`"`+record+`}}]}`)
	}
	if status, answer := update(`,"DueDate":null,"cust_string_value__gc":null,"StatusName":"at risk"`); status != 200 {
		t.Fatal(status, answer)
	}
	_, answer := ask(t, tenant, "POST", fetchPath, `{"select":["Name","cust_string_value__gc","cust_number__gc"],"where":{"conditions":[{"fieldName":"Gsid","value":["`+gsid+`"],"alias":"A","operator":"EQ"}],"expression":"A"}}`)
	for _, want := range []string{`"Name":"kept"`, `"Description":"d"`, `"cust_number__gc":1.50`, `"StatusId":"1I005IUOFEZ24SJ62ZSUKB6C3WN620DSIBYT"`} {
		if !strings.Contains(answer, want) {
			t.Errorf("%s is not in %s", want, answer)
		}
	}
	if strings.Contains(answer, "DueDate") || strings.Contains(answer, "cust_string") {
		t.Errorf("not cleared: %s", answer)
	}
	for record, want := range map[string]string{`,"Name":null`: "Name cannot", `,"Name":""`: "Name cannot", `,"StatusName":null`: "Invalid StatusName"} {
		if status, answer := update(record); status != 500 || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s", record, status, answer)
		}
	}
	gsid = gsid[:35] + "_"
	if status, answer := update(""); status != 500 || !strings.Contains(answer, "Invalid Gsid") || !strings.Contains(answer, `"path":"/csgoal/external/update"`) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestTemplateGivesWhatTheGoalDoesNotSay(t *testing.T) {
	tenant := newTenant(t, "")
	id := seedGsid(goalPrefix, "template", "Renew on time")
	status, answer := ask(t, tenant, "POST", createPath, `{"requests":[{"record":{"Name":"from template","EntityType":"COMPANY","CompanyId":"`+ibm+`","TemplateId":"`+id+`"}}]}`)
	if status != 200 || !strings.Contains(answer, `"StatusId__gr":{"Name":"New"}`) || !strings.Contains(answer, `"DueDate":"`) {
		t.Errorf("%d %s", status, answer)
	}
}

func TestAmbiguousNames(t *testing.T) {
	for settings, want := range map[string]int{"": 1, "ambiguous": 2} {
		_, answer := ask(t, newTenant(t, settings), "POST", picklistPath, `{"picklistCategory":"GOAL_STATUS"}`)
		if n := strings.Count(answer, `"name":"On Track"`); n != want {
			t.Errorf("%q: %d statuses named On Track, want %d", settings, n, want)
		}
	}
}

func TestPicklist(t *testing.T) {
	tenant := newTenant(t, "")
	for _, c := range []struct{ body, has, hasNot string }{
		{`{"active":true}`, `"Default"`, `"Legacy Outcomes"`},
		{`{"active":false}`, `"Legacy Outcomes"`, `"GOAL_STATUS"`},
		{`{"entityIds":["RELATIONSHIP"]}`, `"Adoption"`, `"Onboarding"`},
		{`{"entityIds":["COMPANY"]}`, `"Onboarding"`, `"picklistCategory":"GOAL_STATUS"`},
		{`{"includeChildPicklist":true}`, `"childPicklistIds":{"GOAL_STATUS":["1I0`, `"metrics":[`},
		{`{"includeMetrics":true}`, `"metrics":[{"createdAt"`, `"childPicklists":[{`},
		{`{"picklistCategory":"GOAL_STATUS","active":true}`, `"At Risk"`, `"Abandoned"`},
	} {
		status, answer := ask(t, tenant, "POST", picklistPath, c.body)
		if status != 200 || !strings.Contains(answer, c.has) || strings.Contains(answer, c.hasNot) {
			t.Errorf("%s: %d: want %s and not %s in\n%s", c.body, status, c.has, c.hasNot, answer)
		}
		mask(t, answer)
	}
}
