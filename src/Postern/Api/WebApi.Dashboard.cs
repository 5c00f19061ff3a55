using Postern.Dashboard;
using Postern.Listeners;

namespace Postern.Api;

/// <summary>Pages, beside what programs ask for.</summary>
sealed partial class WebApi
{
    void MapDashboard(WebApplication web)
    {
        var pulse = new Pulse(agent.Metrics.Totals, clock);
        var acts = new Acts(PosternServer.AdminSocketOf(agent.Options));
        new DashboardFace(new DashboardParts(agent, pulse, sandbox, clock), acts, web.Services).Map(web);
    }
}
