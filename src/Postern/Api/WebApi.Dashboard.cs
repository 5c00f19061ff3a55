using Postern.Dashboard;
using Postern.Listeners;
using Postern.Mta;

namespace Postern.Api;

/// <summary>Pages, beside what programs ask for.</summary>
sealed partial class WebApi
{
    void MapDashboard(WebApplication web)
    {
        var pulse = new Pulse(agent.Metrics.Totals, clock);
        var acts = new Acts(PosternServer.AdminSocketOf(agent.Options));
        var face = new DashboardFace(
            new DashboardParts(agent, pulse, sandbox, clock), signIn, acts, web.Services);
        face.Map(web);
        new LoginEndpoints(signIn, log) { Explain = face.ExplainAsync }.Map(web);
        new OidcEndpoints(signIn, () => agent.Options.Dashboard, log) { Explain = face.ExplainAsync }
            .Map(web);
    }

    /// <summary>A page, or what belongs to one.</summary>
    static bool IsOfDashboard(HttpContext context) =>
        LoginEndpoints.Holds(context.Request.Path)
        || context.GetEndpoint()?.Metadata.GetMetadata<DashboardFace.Mark>() is not null;

    static bool ServesDashboard(HttpContext context) =>
        HttpDoor.Of(context).Serves.Contains(HttpFace.Dashboard);
}
