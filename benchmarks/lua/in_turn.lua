-- Requests that take a line of a file each, in turn.
--   wrk ... -s in_turn.lua URL -- FILE header|body FIRST again|once
-- header: the line is a header's name and value; body: it is a JSON or form body to POST.
dofile("benchmarks/lua/report.lua")

local requests, position, endless = {}, 0, true

function init(arguments)
  local lines, kind = lines_of(arguments[1]), arguments[2]
  position, endless = tonumber(arguments[3]), arguments[4] == "again"
  for number, line in ipairs(lines) do
    if kind == "body" then
      requests[number] = wrk.format("POST", nil, nil, line)
    else
      local name, value = line:match("^([%w-]+): (.*)$")
      wrk.headers[name] = value
      requests[number] = wrk.format()
    end
  end
end

-- wrk counts 400 and more by itself; to look at every answer costs it too much but for a warm-up.
if os.getenv("EVERY_STATUS") then
  function response(status)
    assert(status >= 200 and status < 300, "not a success: " .. status)
  end
end

function request()
  position = position + 1
  if position > #requests then
    assert(endless, "there are fewer lines than requests")
    position = 1
  end
  return requests[position]
end
