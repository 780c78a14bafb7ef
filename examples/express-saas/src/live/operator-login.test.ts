import { listen, type TestServer } from "@scale/http/testing";
import { factsFromNode } from "@scale/http/adapter";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createOperatorLogin } from "./operator-login.js";

describe("createOperatorLogin", () => {
  let server: TestServer;
  beforeAll(async () => {
    const { routes, isOperator } = createOperatorLogin("5eb0c5a4");
    const app = express();
    app.use(routes);
    app.get("/scale", (request, response) => void response.json(isOperator(factsFromNode(request))));
    server = await listen(app);
  });
  afterAll(() => server.close());

  const open = (query = "", headers: HeadersInit = {}): Promise<Response> =>
    fetch(`${server.url}/scale${query}`, { redirect: "manual", headers });

  it("turns the token of the address into a cookie, and leaves it out of the address", async () => {
    const answer = await open("?token=5eb0c5a4");
    expect([answer.status, answer.headers.get("location")]).toEqual([303, "/scale"]);
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^scale_operator=5eb0c5a4; Path=\/scale; HttpOnly; SameSite=Strict$/);
    const session = cookie.split(";")[0] ?? "";
    expect(await (await open("", { cookie: `theme=dark; ${session}` })).json()).toBe(true);
  });

  it("knows a bearer token", async () => {
    expect(await (await open("", { authorization: "Bearer 5eb0c5a4" })).json()).toBe(true);
  });

  it.each<[string, string, HeadersInit]>([
    ["nothing", "", {}],
    ["another bearer", "", { authorization: "Bearer wrong" }],
    ["another cookie", "", { cookie: "scale_operator=wrong" }],
    ["an empty cookie", "", { cookie: "scale_operator=" }],
    ["a cookie of another name", "", { cookie: "not_scale_operator=5eb0c5a4" }],
  ])("refuses a caller with %s", async (_with, query, headers) => {
    expect(await (await open(query, headers)).json()).toBe(false);
  });

  it("sets no cookie for a wrong token, or for several", async () => {
    const wrong = await open("?token=wrong");
    expect([wrong.status, wrong.headers.get("set-cookie")]).toEqual([403, null]);
    const several = await open("?token=wrong&token=5eb0c5a4");
    expect(several.headers.get("set-cookie")).toBeNull();
  });
});
