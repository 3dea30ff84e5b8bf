//  vectors - signatures made by Microsoft's library; vectors.py says how, and what was signed.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

typedef struct {
    const char *account, *name; //  "path" or "host"; of the request
    const char *url;            //  of the request, or of the blob
    const char *signed_;        //  the header Authorization, or the link's query
} vector_t;

static const vector_t vector_requests [] = {
    {"path", "put",
     ("http://127.0.0.1:10000/devstoreaccount1/incidents/0199/output/investigation.md"),
     ("SharedKey devstoreaccount1:V0xE3c55i9/dXhFDdadfZOZf/eXRyHaUwjBrwzUirL0=")},
    {"path", "block",
     ("http://127.0.0.1:10000/devstoreaccount1/incidents/a%20b/%C3%BC%2B%25.log?comp=bl"
      "ock&blockid=QUFBQQ%3D%3D"),
     ("SharedKey devstoreaccount1:lmvbYQXy7kq72eZE9vOVBhSQXAHSy69gRgMHiWkyuok=")},
    {"path", "empty", ("http://127.0.0.1:10000/devstoreaccount1/incidents?restype=container"),
     ("SharedKey devstoreaccount1:qbLWhIgsUKpvcKleoFAfu6mqofEYnzouJQsGDAD3kzc=")},
    {"path", "list",
     ("http://127.0.0.1:10000/devstoreaccount1/incidents?restype=container&comp=list&pr"
      "efix=0199%2F&marker=2%21a%20b&maxresults=100"),
     ("SharedKey devstoreaccount1:kRunNeQ5hcRlbXj3dwsycPoGc1GK0ZQudgCO9mKoz68=")},
    {"path", "account", ("http://127.0.0.1:10000/devstoreaccount1/?comp=list"),
     ("SharedKey devstoreaccount1:2KGQE265Gx3u6311RORdQduCSyns3c0v+1BLPehJdXk=")},
    {"path", "delete", ("http://127.0.0.1:10000/devstoreaccount1/incidents/0199/event.json"),
     ("SharedKey devstoreaccount1:9Z+WHgMKXKL6AVL3gH6bBQLtsAEqIBUXLHQToiJt2hU=")},
    {"host", "put",
     ("https://myaccount.blob.core.windows.net/incidents/0199/output/investigation.md"),
     ("SharedKey myaccount:xQ83dgtr8OSEHvvBvdvBDKcmz6T8be1vUIDsDxkQCWg=")},
    {"host", "block",
     ("https://myaccount.blob.core.windows.net/incidents/a%20b/%C3%BC%2B%25.log?comp=bl"
      "ock&blockid=QUFBQQ%3D%3D"),
     ("SharedKey myaccount:pYYcOt8KlFS834FJx2USBeNmkLy9Pk81HFMxpJmbgbo=")},
    {"host", "empty", ("https://myaccount.blob.core.windows.net/incidents?restype=container"),
     ("SharedKey myaccount:SDS0xONFvUDtupp6fEr2RbayGseMYoYN6xk21euu5EA=")},
    {"host", "list",
     ("https://myaccount.blob.core.windows.net/incidents?restype=container&comp=list&pr"
      "efix=0199%2F&marker=2%21a%20b&maxresults=100"),
     ("SharedKey myaccount:7dl7b3m2XazKEV/nsyKS88BzR2mjF2rCMG18NiiaK+Y=")},
    {"host", "account", ("https://myaccount.blob.core.windows.net/?comp=list"),
     ("SharedKey myaccount:Bc/q7Ppkzay7KZYxygORiJPI+YLzlpmA0Xnpx99jGus=")},
    {"host", "delete", ("https://myaccount.blob.core.windows.net/incidents/0199/event.json"),
     ("SharedKey myaccount:SMpHa4FX/NQarKJg9piXx904gQxthjxhyp8+/QramC0=")},
};
static const vector_t vector_links [] = {
    {"path", "plain",
     ("http://127.0.0.1:10000/devstoreaccount1/incidents/0199/output/investigation.html"),
     ("st=2026-11-30T20%3A50%3A06Z&se=2026-12-07T21%3A05%3A06Z&sp=r&sv=2021-08-06&sr=b&"
      "sig=k0OJstsRyAAMuZcjZc1Kysd8Vij9ebTD4FWjGThy9ZU%3D")},
    {"path", "typed",
     ("http://127.0.0.1:10000/devstoreaccount1/incidents/0199/output/investigation.html"),
     ("st=2026-11-30T20%3A50%3A06Z&se=2026-12-07T21%3A05%3A06Z&sp=r&sv=2021-08-06&sr=b&"
      "rscd=inline&rsct=text/html%3B%20charset%3Dutf-8&sig=u2NodA1sCnHHEB4JFiA5vk68ahg/"
      "o8cK2U6XNUpb/wY%3D")},
    {"path", "strange",
     ("http://127.0.0.1:10000/devstoreaccount1/incidents/a%20b/%C3%BC%2B%25.log"),
     ("st=2026-11-30T20%3A50%3A06Z&se=2026-12-07T21%3A05%3A06Z&sp=r&sv=2021-08-06&sr=b&"
      "sig=U2J5zeqfdV3fY12pv2JlanorcqxB6xaYZ4SlYYYWwJs%3D")},
    {"host", "plain",
     ("https://myaccount.blob.core.windows.net/incidents/0199/output/investigation.html"),
     ("st=2026-11-30T20%3A50%3A06Z&se=2026-12-07T21%3A05%3A06Z&sp=r&spr=https&sv=2021-0"
      "8-06&sr=b&sig=7Nh13BKi9a2Kw/rfrOz0gcuUPfOEwYHqBt8sKpvaPtI%3D")},
    {"host", "typed",
     ("https://myaccount.blob.core.windows.net/incidents/0199/output/investigation.html"),
     ("st=2026-11-30T20%3A50%3A06Z&se=2026-12-07T21%3A05%3A06Z&sp=r&spr=https&sv=2021-0"
      "8-06&sr=b&rscd=inline&rsct=text/html%3B%20charset%3Dutf-8&sig=EUmp9GzKHGTYArselL"
      "HCxQVPqa7ribqM/rjKc4d%2BqDI%3D")},
    {"host", "strange",
     ("https://myaccount.blob.core.windows.net/incidents/a%20b/%C3%BC%2B%25.log"),
     ("st=2026-11-30T20%3A50%3A06Z&se=2026-12-07T21%3A05%3A06Z&sp=r&spr=https&sv=2021-0"
      "8-06&sr=b&sig=dPIsohuVNssGEI2BCrcjNs9IqGy01OOcTJtq6ghdzYw%3D")},
};
