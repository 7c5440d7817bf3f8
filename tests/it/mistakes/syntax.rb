runbook storefront "Storefront release" {
  owner = "team-storefront
}

phase deployment: live "Deployment" {
  step migrate "Migrate" {
    comand "psql -f a.sql"
    within = 5m
    undo none "only adds"
  }
  stepp deploy "Deploy" {
    run "deploy"
    undo none "x"
  }
  gate healthy {
    http GET "https://shop.example/health" {
      expect status = 200
    }
  }
}
}
