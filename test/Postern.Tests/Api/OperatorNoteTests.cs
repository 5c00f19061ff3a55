using Microsoft.AspNetCore.Http;
using Postern.Api;

namespace Postern.Tests.Api;

public sealed class OperatorNoteTests
{
    static DefaultHttpContext Asked(string method, string path, string query = "")
    {
        var context = new DefaultHttpContext();
        context.Request.Method = method;
        context.Request.Path = path;
        context.Request.QueryString = new QueryString(query);
        return context;
    }

    [Theory]
    [InlineData("ann", "ann")]
    [InlineData("%EA%B9%80%EC%B2%A0%EC%88%98", "김철수")]
    [InlineData("a%20b", "a b")]
    [InlineData("%20ann%20", "ann")]
    public void Actor_IsTheNameOfTheHeader(string header, string expected) =>
        Assert.Equal(expected, OperatorNote.ReadActor(header));

    [Theory]
    [InlineData("")]
    [InlineData("%20")]
    [InlineData("ann%0D%0Abob")]
    [InlineData("ann%00")]
    [InlineData("ann%E2%80%AEbob")]
    [InlineData("ann%E2%80%A8bob")]
    public void Actor_ThatIsOdd_IsNobody(string header) =>
        Assert.Equal("operator", OperatorNote.ReadActor(header));

    [Theory]
    [InlineData(64, false)]
    [InlineData(65, true)]
    [InlineData(100_000, true)]
    public void Actor_OfMoreThan64Characters_IsNobody(int characters, bool isNobody) => Assert.Equal(
        isNobody, OperatorNote.ReadActor(new string('a', characters)) == OperatorNote.Nobody);

    [Theory]
    [InlineData("POST", "/admin/v1/queue/hold", "?state=ready", "POST queue/hold?state=ready")]
    [InlineData("DELETE", "/admin/v1/accounts/김", "", "DELETE accounts/%EA%B9%80")]
    public void What_IsMethodPathAndQuery(string method, string path, string query, string expected) =>
        Assert.Equal(expected, OperatorNote.Of(Asked(method, path, query))!.What);

    [Theory]
    [InlineData("GET", "/admin/v1/queue")]
    [InlineData("HEAD", "/admin/v1/queue")]
    [InlineData("POST", "/act")]
    [InlineData("POST", "/v3/mg.example.org/messages")]
    [InlineData("POST", "/admin/v10/queue/hold")]
    public void WhatChangesNothing_OrIsElsewhere_IsNoNote(string method, string path) =>
        Assert.Null(OperatorNote.Of(Asked(method, path)));

    [Theory]
    [InlineData("page", "POST reload (page)")]
    [InlineData("command", "POST reload (command)")]
    [InlineData("moon", "POST reload")]
    public void Face_IsOneOfOurs_OrNotTold(string face, string expected)
    {
        var context = Asked("POST", "/admin/v1/reload");
        context.Request.Headers[OperatorNote.FaceHeader] = face;
        Assert.Equal(expected, OperatorNote.Of(context)!.What);
    }

    [Fact]
    public void What_ThatIsLong_IsCut_AndTheFaceStays()
    {
        var context = Asked("POST", "/admin/v1/queue/hold", "?sender=" + new string('a', 1000));
        context.Request.Headers[OperatorNote.FaceHeader] = "page";
        var what = OperatorNote.Of(context)!.What;
        Assert.Equal(OperatorNote.WhatCharactersMax, what.Length);
        Assert.EndsWith("a… (page)", what, StringComparison.Ordinal);
    }

    [Fact]
    public void Count_IsWhatTheAnswerSays()
    {
        var context = Asked("POST", "/admin/v1/queue/hold");
        Assert.Null(OperatorNote.Of(context)!.Count);
        OperatorNote.KeepCount(context, new Changed(7));
        Assert.Equal(7, OperatorNote.Of(context)!.Count);
    }

    [Theory]
    [InlineData("김철수", "김철수")]
    [InlineData("a%b", "a%b")]
    [InlineData("", "operator")]
    public void Signature_ReadsBackToTheName(string name, string expected)
    {
        using var request = new HttpRequestMessage();
        OperatorNote.Sign(request.Headers, name, OperatorNote.Page);
        var header = request.Headers.TryGetValues(OperatorNote.ActorHeader, out var values)
            ? Assert.Single(values) : "";
        Assert.Equal(expected, OperatorNote.ReadActor(header));
        Assert.Equal("page", Assert.Single(request.Headers.GetValues(OperatorNote.FaceHeader)));
    }
}
